//! The fields of a PGWRecord by the numbers and names of TS 32.298, with those of its containers.
//! Relies on nothing: a table.
//! Never decides what is rated: the decoder beside it does.

use crate::ber::schema::Kind::{
    Address, Addresses, Bits, Boolean, Fields, Ia5, Ip, List, Named, Null, Octets, Open, PdpAddress, Plmn,
    Tbcd, Time, Unsigned,
};
use crate::ber::schema::{FieldTable, Kind, RecordTable};

/// The record.
pub const TABLE: RecordTable = RecordTable { root: 79, name: "pGWRecord", fields: RECORD };

const fn row(tag: u32, name: &'static str, kind: Kind) -> FieldTable {
    FieldTable::new(tag, name, kind)
}

const RECORD: &[FieldTable] = &[
    row(0, "recordType", Named(RECORD_TYPES)),
    row(3, "servedIMSI", Tbcd),
    row(4, "p-GWAddress", Ip),
    row(5, "chargingID", Unsigned),
    row(6, "servingNodeAddress", Addresses),
    row(7, "accessPointNameNI", Ia5),
    row(8, "pdpPDNType", Octets),
    row(9, "servedPDPPDNAddress", PdpAddress),
    row(11, "dynamicAddressFlag", Boolean),
    row(12, "listOfTrafficVolumes", List(&Fields(TRAFFIC_VOLUME))),
    row(13, "recordOpeningTime", Time),
    row(14, "duration", Unsigned),
    row(15, "causeForRecClosing", Named(CAUSES)),
    row(16, "diagnostics", Open),
    row(17, "recordSequenceNumber", Unsigned),
    row(18, "nodeID", Ia5),
    row(19, "recordExtensions", Open),
    row(20, "localSequenceNumber", Unsigned),
    row(21, "apnSelectionMode", Unsigned),
    row(22, "servedMSISDN", Address),
    row(23, "chargingCharacteristics", Octets),
    row(24, "chChSelectionMode", Unsigned),
    row(25, "iMSsignalingContext", Null),
    row(27, "servingNodePLMNIdentifier", Plmn),
    row(28, "pSFurnishChargingInformation", Open),
    row(29, "servedIMEI", Tbcd),
    row(30, "rATType", Named(RAT_TYPES)),
    row(31, "mSTimeZone", Octets),
    row(32, "userLocationInformation", Octets),
    row(33, "cAMELChargingInformation", Octets),
    row(34, "listOfServiceData", List(&Fields(SERVICE_DATA))),
    row(35, "servingNodeType", List(&Named(SERVING_NODES))),
    row(36, "servedMNNAI", Open),
    row(37, "p-GWPLMNIdentifier", Plmn),
    row(38, "startTime", Time),
    row(39, "stopTime", Time),
    row(40, "served3gpp2MEID", Octets),
    row(41, "pDNConnectionChargingID", Unsigned),
    row(42, "iMSIunauthenticatedFlag", Null),
    row(43, "userCSGInformation", Open),
    row(44, "threeGPP2UserLocationInformation", Octets),
    row(45, "servedPDPPDNAddressExt", PdpAddress),
    row(46, "lowPriorityIndicator", Null),
    row(47, "dynamicAddressFlagExt", Boolean),
    row(49, "servingNodeiPv6Address", Addresses),
    row(50, "p-GWiPv6AddressUsed", Ip),
    row(51, "tWANUserLocationInformation", Open),
    row(52, "retransmission", Null),
    row(53, "userLocationInfoTime", Time),
    row(54, "cNOperatorSelectionEnt", Unsigned),
    row(55, "ePCQoSInformation", Open),
    row(56, "presenceReportingAreaInfo", Open),
    row(57, "lastUserLocationInformation", Octets),
    row(58, "lastMSTimeZone", Octets),
    row(59, "enhancedDiagnostics", Open),
    row(60, "nBIFOMMode", Unsigned),
    row(61, "nBIFOMSupport", Unsigned),
    row(62, "uWANUserLocationInformation", Open),
    row(64, "sGiPtPTunnellingMethod", Unsigned),
    row(65, "uNIPDUCPOnlyFlag", Boolean),
    row(66, "servingPLMNRateControl", Open),
    row(67, "aPNRateControl", Open),
    row(68, "pDPPDNTypeExtension", Unsigned),
    row(69, "mOExceptionDataCounter", Open),
    row(70, "chargingPerIPCANSessionIndicator", Unsigned),
    row(71, "threeGPPPSDataOffStatus", Unsigned),
    row(72, "sCSASAddress", Open),
    row(73, "listOfRANSecondaryRATUsageReports", Open),
];

/// ChangeOfCharCondition.
const TRAFFIC_VOLUME: &[FieldTable] = &[
    row(1, "qosRequested", Octets),
    row(2, "qosNegotiated", Octets),
    row(3, "dataVolumeGPRSUplink", Unsigned),
    row(4, "dataVolumeGPRSDownlink", Unsigned),
    row(5, "changeCondition", Named(CHANGE_CONDITIONS)),
    row(6, "changeTime", Time),
    row(8, "userLocationInformation", Octets),
    row(9, "ePCQoSInformation", Open),
    row(10, "chargingID", Unsigned),
    row(15, "rATType", Named(RAT_TYPES)),
];

/// ChangeOfServiceCondition.
const SERVICE_DATA: &[FieldTable] = &[
    row(1, "ratingGroup", Unsigned),
    row(2, "chargingRuleBaseName", Ia5),
    row(3, "resultCode", Unsigned),
    row(4, "localSequenceNumber", Unsigned),
    row(5, "timeOfFirstUsage", Time),
    row(6, "timeOfLastUsage", Time),
    row(7, "timeUsage", Unsigned),
    row(8, "serviceConditionChange", Bits(SERVICE_CONDITIONS)),
    row(9, "qoSInformationNeg", Open),
    row(10, "servingNodeAddress", Ip),
    row(12, "datavolumeFBCUplink", Unsigned),
    row(13, "datavolumeFBCDownlink", Unsigned),
    row(14, "timeOfReport", Time),
    row(16, "failureHandlingContinue", Boolean),
    row(17, "serviceIdentifier", Unsigned),
    row(18, "pSFurnishChargingInformation", Open),
    row(19, "aFRecordInformation", Open),
    row(20, "userLocationInformation", Octets),
    row(21, "eventBasedChargingInformation", Open),
    row(22, "timeQuotaMechanism", Open),
    row(23, "serviceSpecificInfo", Open),
    row(25, "sponsorIdentity", Octets),
    row(26, "applicationServiceProviderIdentity", Octets),
    row(27, "aDCRuleBaseName", Ia5),
    row(29, "userCSGInformation", Open),
    row(30, "rATType", Named(RAT_TYPES)),
    row(33, "relatedChangeOfServiceCondition", Open),
    row(35, "servingPLMNRateControl", Open),
    row(36, "aPNRateControl", Open),
    row(37, "threeGPPPSDataOffStatus", Unsigned),
    row(38, "trafficSteeringPolicyIDDownlink", Octets),
    row(39, "trafficSteeringPolicyIDUplink", Octets),
    row(40, "tWANUserLocationInformation", Open),
    row(41, "listOfPresenceReportingAreaInformation", Open),
    row(42, "voLTEInformation", Open),
];

/// RecordType, of the records whose tables are here.
pub const RECORD_TYPES: &[(i64, &str)] =
    &[(84, "sGWRecord"), (85, "pGWRecord"), (200, "chargingFunctionRecord")];

/// CauseForRecClosing.
pub const CAUSES: &[(i64, &str)] = &[
    (0, "normalRelease"),
    (1, "partialRecord"),
    (4, "abnormalRelease"),
    (5, "cAMELInitCallRelease"),
    (16, "volumeLimit"),
    (17, "timeLimit"),
    (18, "servingNodeChange"),
    (19, "maxChangeCond"),
    (20, "managementIntervention"),
    (21, "intraSGSNIntersystemChange"),
    (22, "rATChange"),
    (23, "mSTimeZoneChange"),
    (24, "sGSNPLMNIDChange"),
    (25, "sGWChange"),
    (26, "aPNAMBRChange"),
    (27, "mOExceptionDataCounterReceipt"),
    (59, "listofDownstreamNodeChange"),
];

/// RATType, by the values of TS 29.274.
const RAT_TYPES: &[(i64, &str)] = &[
    (1, "UTRAN"),
    (2, "GERAN"),
    (3, "WLAN"),
    (4, "GAN"),
    (5, "HSPA evolution"),
    (6, "E-UTRAN"),
    (7, "virtual"),
    (8, "NB-IoT"),
    (9, "LTE-M"),
    (10, "NR"),
];

const SERVING_NODES: &[(i64, &str)] =
    &[(0, "sGSN"), (1, "pMIPSGW"), (2, "gTPSGW"), (3, "ePDG"), (4, "hSGW"), (5, "mME"), (6, "tWAN")];

const CHANGE_CONDITIONS: &[(i64, &str)] = &[
    (0, "qoSChange"),
    (1, "tariffTime"),
    (2, "recordClosure"),
    (6, "cGI-SAICHange"),
    (7, "rAIChange"),
    (8, "dT-Establishment"),
    (9, "dT-Removal"),
    (10, "eCGIChange"),
    (11, "tAIChange"),
    (12, "userLocationChange"),
    (13, "userCSGInformationChange"),
    (14, "presenceInPRAChange"),
];

/// Not named by their bits yet: the numbers are shown.
const SERVICE_CONDITIONS: &[&str] = &[];
