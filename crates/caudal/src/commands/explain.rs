//! `caudal explain`: an event id to how its amount came about, computed anew from the original bytes.
//! Relies on `explain` for everything that is said; reads beside a run that may be going on.
//! Never logs a number: its output is the report, and may show them.

use crate::cli::ExplainArgs;
use crate::commands::audit;
use crate::explain::{self, DIGITS, DIGITS_MIN, Explainer, Missing};
use crate::failure::Failure;
use crate::inspect::visible;

/// Runs the command. Exit code 1 when there is no such event, or when it comes out differently.
pub fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let id = args.event.to_ascii_lowercase();
    if !(DIGITS_MIN..=DIGITS).contains(&id.len()) || !id.bytes().all(|octet| octet.is_ascii_hexdigit()) {
        let found = visible(args.event.as_bytes());
        return Err(Failure::usage(format!(
            "{found:?} is no event id, expected {DIGITS} hex digits or the first {DIGITS_MIN} or more of them"
        )));
    }
    let (state, out) = (args.state.state.as_path(), args.state.out.as_path());
    let mut explainer = Explainer::new(audit::read(state)?, (state, out))?;
    match explainer.explain(&id) {
        Ok(explained) => {
            let lines =
                if args.state.json { vec![explain::json(&explained)] } else { explain::text(&explained) };
            audit::print(&lines)?;
            if explained.differences.is_empty() { Ok(()) } else { Err(Failure::Found) }
        }
        Err(Missing::NoSuchEvent(places)) => {
            eprintln!("caudal: no such event: {id}; looked in {places}");
            Err(Failure::Found)
        }
        Err(Missing::Ambiguous(ids)) => {
            Err(Failure::usage(format!("{id} begins several event ids: {} …", ids.join(", "))))
        }
        Err(Missing::Io(error)) => Err(Failure::Io(error)),
    }
}
