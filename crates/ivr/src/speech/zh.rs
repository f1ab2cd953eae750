//! Mandarin.

/// 二 before 十 and 百, 两 before 千 and 万; a run of zeros is one 零; 十 alone at the very front.
pub(super) fn number(number: u32) -> Vec<String> {
    match number {
        0 => vec![stem(0)],
        10..=19 => {
            let mut stems = vec!["num-10".to_owned()];
            stems.extend((number > 10).then(|| stem(number % 10)));
            stems
        }
        _ => {
            let mut stems = Vec::new();
            let (myriads, rest) = (number / 10_000, number % 10_000);
            if myriads > 0 {
                stems.extend(if myriads == 2 { liang() } else { self::number(myriads) });
                stems.push("num-10000".to_owned());
                if rest > 0 && rest < 1000 {
                    stems.push(stem(0));
                }
            }
            below_ten_thousand(rest, myriads == 0, &mut stems);
            stems
        }
    }
}

/// A number with its measure word: 两 where 2 stands alone.
pub(super) fn measured(count: u32, unit: &str) -> Vec<String> {
    let mut stems = if count == 2 { liang() } else { number(count) };
    stems.push(unit.to_owned());
    stems
}

/// 凌晨 until five, 上午 until noon, 中午 for the hour from noon on, then 下午, with the hours 0–12; 零 before a single
/// minute, 整 on the hour.
pub(super) fn time_of_day(hour: u32, minute: u32) -> Vec<String> {
    let spoken_hour = if hour > 12 { hour - 12 } else { hour };
    let part = match hour {
        0..=4 => "early",
        5..=11 => "am",
        12 => "noon",
        _ => "pm",
    };
    let mut stems = vec![part.to_owned()];
    stems.extend(measured(spoken_hour, "hour"));
    match minute {
        0 => stems.push("exactly".to_owned()),
        1..=9 => {
            stems.push(stem(0));
            stems.extend(number(minute));
            stems.push("minute".to_owned());
        }
        _ => {
            stems.extend(number(minute));
            stems.push("minute".to_owned());
        }
    }
    stems
}

fn below_ten_thousand(number: u32, at_front: bool, stems: &mut Vec<String>) {
    let places = [(1000, "num-1000"), (100, "num-100"), (10, "num-10"), (1, "")];
    let mut zeros = false;
    let mut said = false;
    for (value, name) in places {
        let digit = number / value % 10;
        if digit == 0 {
            zeros = said;
            continue;
        }
        if zeros {
            stems.push(stem(0));
            zeros = false;
        }
        match (digit, value) {
            (2, 1000) if at_front => stems.extend(liang()),
            _ => stems.push(stem(digit)),
        }
        if !name.is_empty() {
            stems.push(name.to_owned());
        }
        said = true;
    }
}

fn liang() -> Vec<String> {
    vec!["num-liang".to_owned()]
}

fn stem(digit: u32) -> String {
    format!("num-{digit}")
}
