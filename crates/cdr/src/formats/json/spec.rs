//! What a pipeline says about a feed of JSON objects, as plain data.
//! Relies on the description of delimited feeds for names, units, words and rules.
//! Never read on the hot path.

use super::scan::Kind;
use super::tree::{Node, Target};
use super::{Json, PATH_MAX};
use crate::formats::delimited::{
    Bound, ColumnSource, Constants, DelimitedSpec, FieldSpec, FieldType, FilterSpec, PartialSpec,
};
use crate::split::MAX_COLUMNS;

/// Name and version of the key rule. A change of how key members are picked needs a new version.
const RULE: &str = "json/1";

/// A feed of JSON objects. As a [`DelimitedSpec`], but columns are members, named by their paths: `usage.seconds` is
/// the member `seconds` of the member `usage`. A name that holds a point itself cannot be said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonSpec {
    /// The members that are read.
    pub fields: Vec<FieldSpec>,
    /// What holds for every record of the source.
    pub constants: Constants,
    /// What makes a record itself.
    pub key: Vec<String>,
    /// What is billed; empty: every mapped field that is not in the key.
    pub billed: Vec<String>,
    /// How partial records belong together.
    pub partial: Option<PartialSpec>,
    /// What is known not to be billed; the first rule that holds decides.
    pub filters: Vec<FilterSpec>,
    /// The time field that picks the dedup day; `start` unless said.
    pub day: Option<String>,
    /// The originating node, for feeds that do not write it; part of the key.
    pub node: Option<String>,
}

/// The kinds of value that a member may have, a bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Accepts(u8);

impl Accepts {
    /// Of a member that is only compared.
    const ANY: Self = Self(7);

    /// A number cannot hold what a telephone number or a text is, such as zeros before it; a text can hold a number.
    fn of(kind: &FieldType) -> Self {
        let kinds: &[Kind] = match kind {
            FieldType::Number | FieldType::Imsi | FieldType::Text => &[Kind::Text],
            FieldType::Word { .. } => &[Kind::Text, Kind::Number, Kind::Truth],
            FieldType::Time { .. }
            | FieldType::Duration { .. }
            | FieldType::Volume { .. }
            | FieldType::Count
            | FieldType::Integer
            | FieldType::Amount { .. } => &[Kind::Text, Kind::Number],
        };
        Self(kinds.iter().fold(0, |bits, kind| bits | 1 << *kind as u8))
    }

    #[inline]
    pub(super) const fn has(self, kind: Kind) -> bool {
        self.0 >> kind as u8 & 1 == 1
    }
}

impl JsonSpec {
    /// Checks the description and compiles it. The errors are all that is wrong, each naming what was found.
    pub fn build(self) -> Result<Json, Vec<String>> {
        let types: Vec<_> =
            self.fields.iter().map(|field| (field.from.clone(), Accepts::of(&field.kind))).collect();
        let spec = DelimitedSpec {
            separator: b',',
            quote: None,
            columns: ColumnSource::Header,
            fields: self.fields,
            constants: self.constants,
            key: self.key,
            billed: self.billed,
            partial: self.partial,
            filters: self.filters,
            day: self.day,
            node: self.node,
        };
        let columns = spec.build_as(RULE)?;
        let names: Vec<String> = columns.used().map(str::to_owned).collect();
        let mut errors = Vec::new();
        if names.len() > MAX_COLUMNS {
            errors.push(format!("{} members are used, expected at most {MAX_COLUMNS}", names.len()));
        }
        let mut root = Node::default();
        let mut marks = 0;
        for (column, path) in names.iter().enumerate() {
            if let Err(error) = insert(&mut root, path, (column, &mut marks)) {
                errors.push(error);
            }
        }
        let of = |name: &String| {
            let types = types.iter().filter(|(from, _)| from == name);
            types.fold(Accepts::ANY, |all, (_, accepts)| Accepts(all.0 & accepts.0))
        };
        let accepts = names.iter().map(of).collect();
        if errors.is_empty() {
            let bound = Box::new(Bound::in_order(&columns, names));
            Ok(Json { accepts, columns, bound, root, marks })
        } else {
            Err(errors)
        }
    }
}

/// Adds the path of a column to the tree.
fn insert(root: &mut Node, path: &str, (column, marks): (usize, &mut usize)) -> Result<(), String> {
    let parts: Vec<_> = path.split('.').collect();
    if parts.len() > PATH_MAX {
        return Err(format!("\"{path}\" has {} names, expected at most {PATH_MAX}", parts.len()));
    }
    let mut node = root;
    let mut above = String::new();
    for (index, part) in parts.iter().enumerate() {
        if part.is_empty() {
            return Err(format!("\"{path}\": expected a name on both sides of each point"));
        }
        above.push_str(part);
        let both = || format!("\"{above}\" is used as a value and as an object that holds others");
        let found = node.members.iter().position(|(name, _)| **name == *part.as_bytes());
        let last = index + 1 == parts.len();
        let place = match found {
            Some(_) if last => return Err(both()),
            Some(place) => place,
            None => {
                let target = if last {
                    Target::Value(column)
                } else {
                    *marks += 1;
                    Target::Object(*marks - 1, Node { name: above.clone(), members: Vec::new() })
                };
                node.members.push((part.as_bytes().into(), target));
                node.members.len() - 1
            }
        };
        match node.members.get_mut(place) {
            Some((_, Target::Object(_, inner))) => node = inner,
            Some((_, Target::Value(_))) if last => return Ok(()),
            _ => return Err(both()),
        }
        above.push('.');
    }
    Ok(())
}
