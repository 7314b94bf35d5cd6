//! Calendar functions: what a Unix time in seconds is in UTC.

const DAY: i64 = 86_400;

/// The calendar function of a name, if it is one.
pub(crate) fn resolve(name: &str) -> Option<fn(f64) -> f64> {
    Some(match name {
        "year" => |t| civil(t).0 as f64,
        "month" => |t| civil(t).1 as f64,
        "day_of_month" => |t| civil(t).2 as f64,
        "day_of_week" => |t| (days(t) + 4).rem_euclid(7) as f64,
        "day_of_year" => |t| {
            let (year, _, _) = civil(t);
            (days(t) - days_to(year, 1) + 1) as f64
        },
        "days_in_month" => |t| {
            let (year, month, _) = civil(t);
            let next = if month == 12 { days_to(year + 1, 1) } else { days_to(year, month + 1) };
            (next - days_to(year, month)) as f64
        },
        "hour" => |t| (seconds(t).rem_euclid(DAY) / 3600) as f64,
        "minute" => |t| (seconds(t).rem_euclid(3600) / 60) as f64,
        _ => return None,
    })
}

/// Whole seconds, within a range in which the calendar cannot overflow.
fn seconds(time: f64) -> i64 {
    time.clamp(-1e15, 1e15) as i64
}

fn days(time: f64) -> i64 {
    seconds(time).div_euclid(DAY)
}

/// Days from 1970 to the first of a month. Years start in March here, so that the leap day is the last of its year.
fn days_to(year: i64, month: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 - 719_468
}

fn civil(time: f64) -> (i64, i64, i64) {
    let days = days(time);
    let mut year = 1970 + days.div_euclid(366);
    while days >= days_to(year + 1, 1) {
        // Years are at most a day shorter than assumed; skip all that are certain to fit.
        year += ((days - days_to(year + 1, 1)) / 366).max(1);
    }
    let month = (1..=12).rev().find(|month| days_to(year, *month) <= days).unwrap_or(1);
    (year, month, days - days_to(year, month) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, time: f64) -> f64 {
        resolve(name).unwrap()(time)
    }

    #[test]
    fn the_calendar_is_right_around_leap_days_and_before_1970() {
        let leap_day = 951_782_400.0;
        assert_eq!((at("year", leap_day), at("month", leap_day), at("day_of_month", leap_day)), (2000.0, 2.0, 29.0));
        assert_eq!((at("days_in_month", leap_day), at("day_of_year", leap_day)), (29.0, 60.0));
        assert_eq!((at("year", -1.0), at("month", -1.0), at("hour", -1.0)), (1969.0, 12.0, 23.0));
        assert_eq!(at("day_of_week", 0.0), 4.0);
        assert_eq!((at("year", 4_102_444_799.0), at("day_of_year", 4_102_444_799.0)), (2099.0, 365.0));
    }
}
