//! Named points where a test makes the program die, or a stage lose or double a record.
//! Relies on the cargo feature `failpoints`; without it every function here is a constant and compiles to nothing.
//! Never armed by anything but [`arm`], which the binary calls with the text of one environment variable.

#[cfg(feature = "failpoints")]
mod armed {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Point {
        name: String,
        action: String,
        at_hit: u64,
        hits: AtomicU64,
    }

    static POINTS: OnceLock<Vec<Point>> = OnceLock::new();

    pub fn arm(spec: &str) -> Result<(), String> {
        let points =
            spec.split(';').filter(|part| !part.is_empty()).map(point).collect::<Result<Vec<_>, _>>()?;
        POINTS.set(points).map_err(|_| "fail points are armed already".to_owned())
    }

    /// `name=action@hit`, e.g. `commit.log.sync=kill@3`.
    fn point(part: &str) -> Result<Point, String> {
        let parsed = part.split_once('=').and_then(|(name, rest)| {
            let (action, hit) = rest.split_once('@').unwrap_or((rest, "1"));
            let known = matches!(action, "kill" | "lose" | "double" | "error");
            known.then_some(())?;
            Some(Point {
                name: name.into(),
                action: action.into(),
                at_hit: hit.parse().ok()?,
                hits: AtomicU64::new(0),
            })
        });
        parsed.ok_or_else(|| format!("fail point {part:?}, expected name=kill|lose|double|error@hit"))
    }

    /// The action of this point, at the hit that it was armed for.
    fn fires(name: &str) -> Option<&'static str> {
        let point = POINTS.get()?.iter().find(|point| point.name == name)?;
        let hit = point.hits.fetch_add(1, Ordering::Relaxed) + 1;
        (hit == point.at_hit).then_some(point.action.as_str())
    }

    /// The same end as `kill -9`: no destructor runs, nothing is flushed.
    fn die() -> ! {
        std::process::abort()
    }

    pub fn at(name: &str) -> std::io::Result<()> {
        match fires(name) {
            Some("kill") => die(),
            Some("error") => Err(std::io::Error::other(format!("fail point {name}"))),
            _ => Ok(()),
        }
    }

    pub fn times(name: &str) -> u32 {
        match fires(name) {
            Some("kill") => die(),
            Some("lose") => 0,
            Some("double") => 2,
            _ => 1,
        }
    }
}

/// Arms the points that `spec` names: `name=action@hit`, separated by `;`.
/// Without the feature any text is refused: a shipped binary has no fail points.
#[cfg(feature = "failpoints")]
pub fn arm(spec: &str) -> Result<(), String> {
    armed::arm(spec)
}

/// Without the feature any text is refused: a shipped binary has no fail points.
#[cfg(not(feature = "failpoints"))]
pub fn arm(spec: &str) -> Result<(), String> {
    Err(format!("fail points {spec:?} were asked for, but this binary was built without them"))
}

/// Passes the point `name`: dies there or errors, if a test armed it so.
#[inline]
#[cfg_attr(not(feature = "failpoints"), allow(unused_variables))]
pub fn at(name: &str) -> std::io::Result<()> {
    #[cfg(feature = "failpoints")]
    return armed::at(name);
    #[cfg(not(feature = "failpoints"))]
    Ok(())
}

/// How often the stage `name` passes on the record at hand: once, but for a test that makes it lose or double one.
#[inline]
#[cfg_attr(not(feature = "failpoints"), allow(unused_variables))]
pub fn times(name: &str) -> u32 {
    #[cfg(feature = "failpoints")]
    return armed::times(name);
    #[cfg(not(feature = "failpoints"))]
    1
}
