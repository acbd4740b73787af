//! A description of a delimited feed to a format that reads without asking names.
//! Relies on nothing: every name, unit, word and rule is checked here, and all that is wrong is told at once.
//! Never reads a file.

use super::spec::{ColumnSource, DelimitedSpec, FieldSpec, FieldType, FilterSpec, PartialSpec, When};
use super::words::Words;
use super::{
    Action, Amount, AttributeKind, Condition, Delimited, Field, FilterRule, NameIndex, Need, PartialRule,
    Slot, key,
};
use crate::split::{Dialect, MAX_COLUMNS};
use crate::time_format::TimeFormat;
use caudal_usage::code::Ends;
use caudal_usage::{Code, Currency, Direction, RecordType, Role, Service, Unit, quantity};

impl DelimitedSpec {
    /// Checks the description and compiles it. The errors are all that is wrong, each naming what was found.
    pub fn build(self) -> Result<Delimited, Vec<String>> {
        self.build_as(key::NAME)
    }

    /// As [`Self::build`], for a format whose key rule has another name.
    pub(in crate::formats) fn build_as(self, rule: &'static str) -> Result<Delimited, Vec<String>> {
        let mut builder = Builder { spec: &self, rule, names: Vec::new(), errors: Vec::new() };
        let format = builder.build();
        match format {
            Some(format) if builder.errors.is_empty() => Ok(format),
            _ => Err(builder.errors),
        }
    }
}

struct Builder<'a> {
    spec: &'a DelimitedSpec,
    rule: &'static str,
    names: Vec<(String, Need)>,
    errors: Vec<String>,
}

impl Builder<'_> {
    fn build(&mut self) -> Option<Delimited> {
        let spec = self.spec;
        self.check_dialect();
        let mut fields: Vec<_> = spec.fields.iter().filter_map(|field| self.field(field)).collect();
        self.check_fields();
        let day_name = spec.day.as_deref().unwrap_or("start");
        let day = fields.iter().position(|field| field.to == day_name && field.is_time());
        if day.is_none() && spec.day.is_some() {
            self.errors.push(format!("day \"{day_name}\": expected a mapped field of type time"));
        }
        let key = self.list("key", &spec.key);
        if key.is_empty() {
            self.errors.push("key is empty: expected the fields that make a record itself".to_owned());
        }
        let billed = match spec.billed.is_empty() {
            true => fields.iter().map(|field| field.from).filter(|from| !key.contains(from)).collect(),
            false => self.list("billed", &spec.billed),
        };
        let session = match &spec.partial {
            Some(partial) => self.session(partial, &key),
            None => key.clone(),
        };
        let partial = spec.partial.as_ref().map(|partial| self.partial(partial, &key));
        let filters = spec.filters.iter().map(|filter| self.filter(filter)).collect();
        let day = day?;
        let day = fields.get_mut(day)?;
        day.picks_day = true;
        let has_time = key.contains(&day.from);
        Some(Delimited {
            dialect: Dialect { separator: spec.separator, quote: spec.quote },
            columns: spec.columns.clone(),
            names: std::mem::take(&mut self.names),
            fields,
            constants: spec.constants,
            key,
            billed,
            session,
            partial,
            filters,
            rule: key::rule(self.rule, spec.node.as_deref(), has_time),
        })
    }

    fn check_dialect(&mut self) {
        let spec = self.spec;
        for (word, octet) in [("separator", Some(spec.separator)), ("quote", spec.quote)] {
            if octet.is_some_and(|octet| matches!(octet, b'\n' | b'\r') || octet >= 0x80) {
                self.errors.push(format!("{word}: expected one ASCII character that is no line end"));
            }
        }
        if spec.quote == Some(spec.separator) {
            self.errors.push("separator and quote are the same character".to_owned());
        }
        if let ColumnSource::Named(names) = &spec.columns {
            if names.is_empty() || names.len() > MAX_COLUMNS {
                self.errors.push(format!("columns: {} names, expected 1 to {MAX_COLUMNS}", names.len()));
            }
            for (index, name) in names.iter().enumerate() {
                if names.iter().take(index).any(|other| other == name) {
                    self.errors.push(format!("column \"{name}\" is named twice"));
                }
            }
        }
    }

    /// The index of a column name that is used.
    fn name(&mut self, column: &str, need: Need) -> NameIndex {
        if let ColumnSource::Named(names) = &self.spec.columns
            && !names.iter().any(|name| name == column)
        {
            self.errors.push(format!("\"{column}\" is neither a mapped field nor a column"));
        }
        if let Some(index) = self.names.iter().position(|(name, _)| name == column) {
            if need == Need::Required
                && let Some(name) = self.names.get_mut(index)
            {
                name.1 = need;
            }
            return index;
        }
        self.names.push((column.to_owned(), need));
        self.names.len() - 1
    }

    /// A name of a mapped field, else of a column.
    fn resolve(&mut self, name: &str) -> NameIndex {
        match self.spec.fields.iter().find(|field| field.to == name) {
            Some(field) => self.name(&field.from, need(field)),
            None => self.name(name, Need::Required),
        }
    }

    fn list(&mut self, what: &str, names: &[String]) -> Vec<NameIndex> {
        let mut list = Vec::new();
        for name in names {
            let index = self.resolve(name);
            if list.contains(&index) {
                self.errors.push(format!("{what}: \"{name}\" occurs twice"));
            }
            list.push(index);
        }
        list
    }

    fn condition(&mut self, when: &When) -> Condition {
        if when.values.is_empty() {
            self.errors.push(format!("\"{}\": expected at least one value", when.column));
        }
        Condition {
            column: self.resolve(&when.column),
            values: when.values.iter().map(|value| value.as_bytes().into()).collect(),
        }
    }

    fn session(&mut self, partial: &PartialSpec, key: &[NameIndex]) -> Vec<NameIndex> {
        let session = self.list("session", &partial.session);
        if session.is_empty() || session.iter().any(|name| !key.contains(name)) {
            // Else two copies of one record could land in different slots and miss each other.
            self.errors.push("session: expected at least one field, each of them in key".to_owned());
        }
        session
    }

    fn partial(&mut self, partial: &PartialSpec, key: &[NameIndex]) -> PartialRule {
        let sequence = self.resolve(&partial.sequence);
        if !key.contains(&sequence) {
            self.errors.push(format!(
                "sequence \"{}\" is not in key: all partial records of a session would be duplicates",
                partial.sequence
            ));
        }
        if partial.last.is_empty() {
            self.errors.push("last: expected what marks the closing record".to_owned());
        }
        PartialRule { sequence, last: partial.last.iter().map(|when| self.condition(when)).collect() }
    }

    fn filter(&mut self, filter: &FilterSpec) -> FilterRule {
        if filter.when.is_empty() {
            self.errors.push(format!("filter {}: expected a condition in when", filter.code));
        }
        let code = Code::parse(&filter.code).filter(|code| code.ends() == Ends::Filtered);
        if code.is_none() {
            self.errors.push(format!(
                "filter code \"{}\": expected unanswered, zero_duration or not_billable",
                filter.code
            ));
        }
        FilterRule {
            when: filter.when.iter().map(|when| self.condition(when)).collect(),
            code: code.unwrap_or(Code::NotBillable),
        }
    }

    fn check_fields(&mut self) {
        let fields = &self.spec.fields;
        for (index, field) in fields.iter().enumerate() {
            if fields.iter().take(index).any(|other| other.to == field.to) {
                self.errors.push(format!("field \"{}\" is mapped twice", field.to));
            }
        }
        let mapped = |to: &str| self.spec.fields.iter().any(|field| field.to == to);
        if !mapped("start") {
            self.errors.push("no field is mapped to \"start\"".to_owned());
        }
        let volume = mapped("volume") || mapped("volume_up") || mapped("volume_down");
        if mapped("volume") && (mapped("volume_up") || mapped("volume_down")) {
            self.errors.push("volume and volume_up, volume_down count the same octets twice".to_owned());
        }
        let service = self.spec.constants.service;
        let missing = match service {
            _ if mapped("service") => None,
            Some(Service::Voice) if !mapped("duration") => Some("service voice needs a field \"duration\""),
            Some(Service::Data) if !volume => {
                Some("service data needs a field \"volume\", or \"volume_up\" and \"volume_down\"")
            }
            None if mapped("duration") == volume => {
                Some("expected service = \"voice\", \"sms\", \"data\" or \"content\"")
            }
            _ => None,
        };
        self.errors.extend(missing.map(str::to_owned));
    }

    fn field(&mut self, field: &FieldSpec) -> Option<Field> {
        let from = self.name(&field.from, need(field));
        match action(field) {
            Ok(action) => {
                Some(Field { to: field.to.clone(), from, need: need(field), picks_day: false, action })
            }
            Err(error) => {
                self.errors.push(format!("field \"{}\": {error}", field.to));
                None
            }
        }
    }
}

fn need(field: &FieldSpec) -> Need {
    if field.optional { Need::Optional } else { Need::Required }
}

impl Field {
    fn is_time(&self) -> bool {
        matches!(
            self.action,
            Action::Start(_) | Action::End(_) | Action::Attribute(_, AttributeKind::Time(_))
        )
    }
}

/// Chooses how a field is read by where it goes and how it is written.
fn action(field: &FieldSpec) -> Result<Action, String> {
    let kind = &field.kind;
    if let Some(name) = field.to.strip_prefix("attribute.") {
        return Ok(Action::Attribute(name.to_owned(), attribute(name, kind)?));
    }
    match field.to.as_str() {
        "start" => time(kind).map(Action::Start),
        "end" => time(kind).map(Action::End),
        "duration" => scaled(kind, Amount::Duration),
        "volume" => scaled(kind, Amount::Volume),
        "volume_up" => scaled(kind, Amount::VolumeUp),
        "volume_down" => scaled(kind, Amount::VolumeDown),
        "events" => scaled(kind, Amount::Events),
        "calling" => text(kind, Slot::Calling),
        "called" => text(kind, Slot::Called),
        "forwarding" => text(kind, Slot::Forwarding),
        "served_number" => text(kind, Slot::ServedNumber),
        "served_imsi" => text(kind, Slot::ServedImsi),
        "served_subscription" => text(kind, Slot::ServedSubscription),
        "serving_network" => text(kind, Slot::ServingNetwork),
        "rating_group" => match kind {
            FieldType::Integer | FieldType::Count => Ok(Action::RatingGroup),
            _ => Err("expected type integer".to_owned()),
        },
        "amount" => match kind {
            FieldType::Amount { currency } => {
                let currency = Currency::parse(currency).ok_or(format!("currency \"{currency}\" is not ISO 4217"))?;
                Ok(Action::Charged(currency))
            }
            _ => Err("expected type amount".to_owned()),
        },
        "service" => words(kind, Service::ALL.map(Service::as_str).as_slice(), Service::parse).map(Action::Service),
        "record_type" => words(kind, &all(RecordType::ALL, RecordType::as_str), RecordType::parse).map(Action::RecordType),
        "direction" => words(kind, &all(Direction::ALL, Direction::as_str), Direction::parse).map(Action::Direction),
        "role" => words(kind, &all(Role::ALL, Role::as_str), Role::parse).map(Action::Role),
        _ => Err("expected start, end, duration, volume, volume_up, volume_down, events, calling, called, forwarding, \
                  served_number, served_imsi, served_subscription, serving_network, rating_group, amount, service, \
                  record_type, direction, role or attribute.NAME"
            .to_owned()),
    }
}

fn time(kind: &FieldType) -> Result<TimeFormat, String> {
    match kind {
        FieldType::Time { format } => TimeFormat::compile(format),
        _ => Err("expected type time".to_owned()),
    }
}

fn scaled(kind: &FieldType, amount: Amount) -> Result<Action, String> {
    let (word, base) = match (kind, amount) {
        (FieldType::Duration { unit }, Amount::Duration) => (unit.as_str(), Unit::Millisecond),
        (FieldType::Volume { unit }, Amount::Volume | Amount::VolumeUp | Amount::VolumeDown) => {
            (unit.as_str(), Unit::Octet)
        }
        (FieldType::Count | FieldType::Integer, Amount::Events) => ("event", Unit::Event),
        (_, Amount::Duration) => return Err("expected type duration".to_owned()),
        (_, Amount::Events) => return Err("expected type count".to_owned()),
        (_, Amount::Volume | Amount::VolumeUp | Amount::VolumeDown) => {
            return Err("expected type volume".to_owned());
        }
    };
    match quantity::unit(word) {
        Some((unit, worth)) if unit == base => Ok(Action::Quantity(amount, worth)),
        _ => Err(format!("unit \"{word}\" is no unit of {}", base.as_str())),
    }
}

fn text(kind: &FieldType, slot: Slot) -> Result<Action, String> {
    match (kind, slot) {
        (FieldType::Number | FieldType::Text | FieldType::Integer, _)
        | (FieldType::Imsi, Slot::ServedImsi) => Ok(Action::Text(slot)),
        (_, Slot::ServedImsi) => Err("expected type imsi".to_owned()),
        (_, Slot::ServedSubscription | Slot::ServingNetwork) => Err("expected type text".to_owned()),
        (_, Slot::Calling | Slot::Called | Slot::Forwarding | Slot::ServedNumber) => {
            Err("expected type number".to_owned())
        }
    }
}

fn attribute(name: &str, kind: &FieldType) -> Result<AttributeKind, String> {
    if name.is_empty() {
        return Err("expected a name behind \"attribute.\"".to_owned());
    }
    match kind {
        FieldType::Text | FieldType::Number | FieldType::Imsi => Ok(AttributeKind::Text),
        FieldType::Integer | FieldType::Count => Ok(AttributeKind::Integer),
        FieldType::Time { format } => TimeFormat::compile(format).map(AttributeKind::Time),
        FieldType::Word { map } => Words::new(map, |word| Some(word.to_owned())).map(AttributeKind::Word),
        FieldType::Duration { .. } | FieldType::Volume { .. } | FieldType::Amount { .. } => {
            Err("expected type text, integer, number, imsi, word or time".to_owned())
        }
    }
}

fn all<T: Copy>(items: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    items.iter().copied().map(word).collect()
}

/// Words by the pipeline's map; without one, Caudal's own words.
fn words<T>(kind: &FieldType, own: &[&str], parse: impl Fn(&str) -> Option<T>) -> Result<Words<T>, String> {
    let expected = || format!("expected one of {}", own.join(", "));
    match kind {
        FieldType::Word { map } if !map.is_empty() => {
            Words::new(map, parse).map_err(|error| format!("{error}; {}", expected()))
        }
        FieldType::Word { .. } | FieldType::Text => {
            let pairs: Vec<_> = own.iter().map(|word| ((*word).to_owned(), (*word).to_owned())).collect();
            Words::new(&pairs, parse)
        }
        _ => Err("expected type word".to_owned()),
    }
}
