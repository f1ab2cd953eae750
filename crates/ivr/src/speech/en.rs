//! English, as it is spoken in the United States: no "and" within numbers.

pub(super) fn number(number: u32) -> Vec<String> {
    let mut stems = Vec::new();
    for (value, name) in [(1_000_000, "num-million"), (1000, "num-thousand")] {
        let count = number / value % 1000;
        if count > 0 {
            below_thousand(count, &mut stems);
            stems.push(name.to_owned());
        }
    }
    if number == 0 || !number.is_multiple_of(1000) {
        below_thousand(number % 1000, &mut stems);
    }
    stems
}

/// A number with the singular or plural of what it counts.
pub(super) fn counted(count: u32, one: &str, many: &str) -> Vec<String> {
    let mut stems = number(count);
    stems.push(if count == 1 { one } else { many }.to_owned());
    stems
}

/// Twelve-hour time: "three oh five pm".
pub(super) fn time_of_day(hour: u32, minute: u32) -> Vec<String> {
    let mut stems = number(if hour.is_multiple_of(12) { 12 } else { hour % 12 });
    if (1..=9).contains(&minute) {
        stems.push("oh".to_owned());
    }
    if minute > 0 {
        stems.extend(number(minute));
    }
    stems.push(if hour < 12 { "am" } else { "pm" }.to_owned());
    stems
}

fn below_thousand(number: u32, stems: &mut Vec<String>) {
    let (hundreds, rest) = (number / 100, number % 100);
    if hundreds > 0 {
        stems.extend([format!("num-{hundreds}"), "num-hundred".to_owned()]);
    }
    match rest {
        0 if hundreds > 0 => {}
        0..=20 => stems.push(format!("num-{rest}")),
        _ => {
            stems.push(format!("num-{}", rest / 10 * 10));
            if rest % 10 > 0 {
                stems.push(format!("num-{}", rest % 10));
            }
        }
    }
}
