//! The fields of a ChargingRecord of the charging function by the numbers and names of TS 32.298.
//! Relies on nothing: a table.
//! Never decides what is rated: the decoder beside it does.

use crate::ber::schema::Kind::{
    Boolean, Fields, Ia5, Ip, List, Named, Octets, Open, Plmn, Time, Unsigned, Utf8,
};
use crate::ber::schema::{FieldTable, Kind, RecordTable};
use crate::formats::pgw::fields::{CAUSES, RECORD_TYPES};

/// The record.
pub const TABLE: RecordTable = RecordTable { root: 200, name: "chargingFunctionRecord", fields: RECORD };

const fn row(tag: u32, name: &'static str, kind: Kind) -> FieldTable {
    FieldTable::new(tag, name, kind)
}

const RECORD: &[FieldTable] = &[
    row(0, "recordType", Named(RECORD_TYPES)),
    row(1, "recordingNetworkFunctionID", Ia5),
    row(2, "subscriberIdentifier", Fields(SUBSCRIPTION)),
    row(3, "nFunctionConsumerInformation", Fields(NETWORK_FUNCTION)),
    row(4, "triggers", Open),
    row(5, "listOfMultipleUnitUsage", List(&Fields(UNIT_USAGE))),
    row(6, "recordOpeningTime", Time),
    row(7, "duration", Unsigned),
    row(8, "recordSequenceNumber", Unsigned),
    row(9, "causeForRecClosing", Named(CAUSES)),
    row(10, "diagnostics", Open),
    row(11, "localRecordSequenceNumber", Unsigned),
    row(12, "recordExtensions", Open),
    row(13, "pDUSessionChargingInformation", Fields(PDU_SESSION)),
    row(14, "roamingQBCInformation", Open),
    row(15, "sMSChargingInformation", Open),
    row(16, "chargingSessionIdentifier", Octets),
    row(17, "serviceSpecificationInformation", Octets),
    row(18, "exposureFunctionAPIInformation", Open),
    row(19, "registrationChargingInformation", Open),
    row(20, "n2ConnectionChargingInformation", Open),
    row(21, "locationReportingChargingInformation", Open),
    row(22, "incompleteCDRIndication", Fields(INCOMPLETE)),
    row(23, "tenantIdentifier", Utf8),
    row(24, "mnSConsumerIdentifier", Utf8),
    row(25, "nSMChargingInformation", Open),
    row(26, "nSPAChargingInformation", Open),
    row(27, "chargingID", Unsigned),
    row(28, "iMSChargingInformation", Open),
    row(29, "mMTelChargingInformation", Open),
    row(30, "edgeInfrastructureUsageChargingInformation", Open),
    row(31, "eASDeploymentChargingInformation", Open),
    row(32, "directEdgeEnablingServiceChargingInformation", Open),
    row(33, "exposedEdgeEnablingServiceChargingInformation", Open),
    row(34, "proSeChargingInformation", Open),
    row(35, "eASID", Utf8),
    row(36, "eDNID", Utf8),
    row(37, "eASProviderIdentifier", Utf8),
    row(38, "mMSChargingInformation", Open),
    row(39, "aMFIdentifier", Octets),
];

/// SubscriptionID.
const SUBSCRIPTION: &[FieldTable] = &[
    row(
        0,
        "subscriptionIDType",
        Named(&[
            (0, "eND-USER-E164"),
            (1, "eND-USER-IMSI"),
            (2, "eND-USER-SIP-URI"),
            (3, "eND-USER-NAI"),
            (4, "eND-USER-PRIVATE"),
        ]),
    ),
    row(1, "subscriptionIDData", Utf8),
];

/// NetworkFunctionInformation.
const NETWORK_FUNCTION: &[FieldTable] = &[
    row(
        0,
        "networkFunctionality",
        Named(&[
            (0, "cHF"),
            (1, "sMF"),
            (2, "aMF"),
            (3, "sMSF"),
            (4, "sGW"),
            (6, "ePDG"),
            (8, "nEF"),
            (9, "pGWCSMF"),
            (11, "sGSN"),
            (14, "iMSNode"),
        ]),
    ),
    row(1, "networkFunctionName", Ia5),
    row(2, "networkFunctionIPv4Address", Ip),
    row(3, "networkFunctionPLMNIdentifier", Plmn),
    row(4, "networkFunctionIPv6Address", Ip),
    row(5, "networkFunctionFQDN", Open),
];

/// MultipleUnitUsage.
const UNIT_USAGE: &[FieldTable] = &[
    row(0, "ratingGroup", Unsigned),
    row(1, "usedUnitContainers", List(&Fields(USED_UNITS))),
    row(2, "uPFID", Ia5),
    row(3, "multihomedPDUAddress", Open),
    row(4, "allocatedUnit", Open),
    row(5, "mBUPFID", Open),
];

/// UsedUnitContainer.
const USED_UNITS: &[FieldTable] = &[
    row(0, "serviceIdentifier", Unsigned),
    row(1, "time", Unsigned),
    row(2, "triggers", Open),
    row(3, "triggerTimeStamp", Time),
    row(4, "dataTotalVolume", Unsigned),
    row(5, "dataVolumeUplink", Unsigned),
    row(6, "dataVolumeDownlink", Unsigned),
    row(7, "serviceSpecificUnits", Unsigned),
    row(8, "eventTimeStamp", Time),
    row(9, "localSequenceNumber", Unsigned),
    row(10, "ratingIndicator", Boolean),
    row(11, "pDUContainerInformation", Fields(PDU_CONTAINER)),
    row(12, "quotaManagementIndicator", Boolean),
    row(
        13,
        "quotaManagementIndicatorExt",
        Named(&[(0, "onlineCharging"), (1, "offlineCharging"), (2, "quotaManagementSuspended")]),
    ),
    row(14, "nSPAContainerInformation", Open),
    row(15, "eventTimeStampExt", Open),
    row(16, "pC5ContainerInformation", Open),
    row(17, "mBSContainerInformation", Open),
];

/// PDUContainerInformation.
const PDU_CONTAINER: &[FieldTable] = &[
    row(0, "chargingRuleBaseName", Ia5),
    row(2, "timeOfFirstUsage", Time),
    row(3, "timeOfLastUsage", Time),
    row(4, "qoSInformation", Open),
    row(5, "userLocationInformation", Octets),
    row(7, "rATType", Unsigned),
    row(11, "uETimeZone", Octets),
    row(14, "aFChargingIdentifier", Open),
];

/// PDUSessionChargingInformation.
const PDU_SESSION: &[FieldTable] = &[
    row(0, "pDUSessionChargingID", Unsigned),
    row(1, "userIdentifier", Open),
    row(2, "userEquipmentInfo", Open),
    row(3, "userLocationInformation", Octets),
    row(4, "userRoamerInOut", Named(&[(0, "roamerInBound"), (1, "roamerOutBound")])),
    row(6, "pDUSessionId", Unsigned),
    row(7, "networkSliceInstanceID", Open),
    row(8, "pDUType", Unsigned),
    row(9, "sSCMode", Unsigned),
    row(10, "sUPIPLMNIdentifier", Plmn),
    row(11, "servingNetworkFunctionID", Open),
    row(12, "rATType", Unsigned),
    row(13, "dataNetworkNameIdentifier", Ia5),
    row(14, "pDUAddress", Open),
    row(15, "authorizedQoSInformation", Open),
    row(16, "uETimeZone", Octets),
    row(17, "pDUSessionstartTime", Time),
    row(18, "pDUSessionstopTime", Time),
    row(20, "chargingCharacteristics", Octets),
    row(23, "rANSecondaryRATUsageReport", Open),
    row(27, "servingCNPLMNID", Plmn),
    row(30, "homeProvidedChargingID", Unsigned),
    row(45, "sMFChargingID", Utf8),
];

const INCOMPLETE: &[FieldTable] =
    &[row(0, "initialLost", Boolean), row(1, "updateLost", Boolean), row(2, "terminationLost", Boolean)];
