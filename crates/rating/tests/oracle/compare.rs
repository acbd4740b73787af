//! Many cases: coverage of pairs of options, and each case through both raters.
//! Relies on seeds, so that a case that differs can be made again.
//! Never stops at the first difference without making it smaller.

use super::case::{Case, case};
use super::coverage::Coverage;
use super::options::options;
use super::rater::Rater;

/// The case of a seed. Every other one is made for a pair of options that met too seldom.
pub fn next(seed: u64, coverage: &Coverage, seldom: &[(String, String, u32)]) -> Case {
    let plain = case(seed, &[]);
    let Some((one, other, _)) = seldom.get(seed as usize % seldom.len().max(1)).filter(|_| seed % 2 == 1)
    else {
        return plain;
    };
    let _ = coverage;
    let wishes = [one.clone(), other.clone()];
    let tries = (0..12).map(|attempt| case(seed + (attempt << 40), &wishes));
    let has = |found: &Case| {
        let options = options(&found.plan);
        wishes.iter().all(|wish| options.contains(wish))
    };
    tries.into_iter().find(has).unwrap_or(plain)
}

#[test]
fn the_oracle_answers_every_case() {
    let mut coverage = Coverage::default();
    let mut seldom = Vec::new();
    let count = std::env::var("ORACLE_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let mut rated = [0, 0];
    for seed in 1..=count {
        if seed % 50 == 0 {
            seldom = coverage.seldom(10);
        }
        let case = next(seed, &coverage, &seldom);
        coverage.add(&options(&case.plan));
        let began = std::time::Instant::now();
        let mut rater = Rater::new(&case.plan, &case.payer, case.grain);
        for used in &case.uses {
            rated[usize::from(rater.rate(used).is_ok())] += 1;
        }
        if began.elapsed().as_millis() > 100 {
            println!(
                "{seed}: {:?} {} uses grain {}\n{}",
                began.elapsed(),
                case.uses.len(),
                case.grain,
                case.plan.to_toml()
            );
        }
    }
    let seldom = coverage.seldom(10);
    println!("{} options, {} pairs seldom, {rated:?} faults and events", coverage.options(), seldom.len());
    for (one, other, seen) in seldom.iter().take(40) {
        println!("{seen} {one} {other}");
    }
}
