//! Numbers, positions and times as a person says them, as lists of prompt stems.

mod en;
mod zh;

use model::Language;

/// A whole number as it is counted: 两 only where a measure word follows, so not here.
pub fn number(language: Language, number: u32) -> Vec<String> {
    match language {
        Language::ZhCn => zh::number(number),
        Language::EnUs => en::number(number),
    }
}

/// A caller's place in a queue, as a whole sentence. `position` is 1-based.
pub fn position(language: Language, position: u32) -> Vec<String> {
    if position <= 1 {
        return vec!["next-in-line".to_owned()];
    }
    // An ordinal: 第二位, never 第两位.
    let mut stems = vec!["position-before".to_owned()];
    stems.extend(number(language, position));
    stems.push("position-after".to_owned());
    stems
}

/// A length of time in whole minutes, with its measure word: 两分钟, "two minutes".
pub fn minutes(language: Language, minutes: u32) -> Vec<String> {
    match language {
        Language::ZhCn => zh::measured(minutes, "unit-fenzhong"),
        Language::EnUs => en::counted(minutes, "minute", "minutes"),
    }
}

/// A length of time in whole hours, with its measure word: 两个小时 is shortened to 两小时.
pub fn hours(language: Language, hours: u32) -> Vec<String> {
    match language {
        Language::ZhCn => zh::measured(hours, "unit-xiaoshi"),
        Language::EnUs => en::counted(hours, "hour", "hours"),
    }
}

/// A time of day. `minute_of_day` counts from midnight, 0–1439; larger values wrap.
pub fn time_of_day(language: Language, minute_of_day: u32) -> Vec<String> {
    let (hour, minute) = (minute_of_day / 60 % 24, minute_of_day % 60);
    match language {
        Language::ZhCn => zh::time_of_day(hour, minute),
        Language::EnUs => en::time_of_day(hour, minute),
    }
}

/// Digits one by one, as telephone numbers are read: 幺 for 1 in Mandarin. Other characters are skipped.
pub fn digits(language: Language, text: &str) -> Vec<String> {
    let stem = |digit: u32| match (language, digit) {
        (Language::ZhCn, 1) => "num-yao".to_owned(),
        (Language::ZhCn | Language::EnUs, _) => format!("num-{digit}"),
    };
    text.chars().filter_map(|c| c.to_digit(10)).map(stem).collect()
}

/// All stems that positions from 1 to 99 use.
pub(crate) fn position_stems() -> Vec<&'static str> {
    let mut stems = vec!["next-in-line", "position-before", "position-after", "thanks-waiting"];
    stems.extend(["num-1", "num-2", "num-3", "num-4", "num-5", "num-6", "num-7", "num-8", "num-9", "num-10"]);
    stems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zh(stems: Vec<String>) -> String {
        let word = |stem: &String| match stem.as_str() {
            "num-0" => "零",
            "num-1" => "一",
            "num-2" => "二",
            "num-3" => "三",
            "num-4" => "四",
            "num-5" => "五",
            "num-6" => "六",
            "num-7" => "七",
            "num-8" => "八",
            "num-9" => "九",
            "num-10" => "十",
            "num-100" => "百",
            "num-1000" => "千",
            "num-10000" => "万",
            "num-liang" => "两",
            "num-yao" => "幺",
            "hour" => "点",
            "minute" => "分",
            "exactly" => "整",
            "early" => "凌晨",
            "am" => "上午",
            "noon" => "中午",
            "pm" => "下午",
            "unit-fenzhong" => "分钟",
            "unit-xiaoshi" => "小时",
            "position-before" => "您排在第",
            "position-after" => "位",
            other => panic!("{other}"),
        };
        stems.iter().map(word).collect()
    }

    fn en(stems: Vec<String>) -> String {
        stems.join(" ").replace("num-", "")
    }

    #[test]
    fn mandarin_numbers() {
        for (number, words) in [
            (0, "零"),
            (2, "二"),
            (10, "十"),
            (12, "十二"),
            (20, "二十"),
            (22, "二十二"),
            (100, "一百"),
            (101, "一百零一"),
            (110, "一百一十"),
            (112, "一百一十二"),
            (200, "二百"),
            (222, "二百二十二"),
            (1000, "一千"),
            (1002, "一千零二"),
            (1020, "一千零二十"),
            (2000, "两千"),
            (2222, "两千二百二十二"),
            (10_000, "一万"),
            (10_010, "一万零一十"),
            (20_000, "两万"),
            (100_000, "十万"),
            (120_305, "十二万零三百零五"),
            (22_000_000, "两千二百万"),
        ] {
            assert_eq!(zh(super::number(Language::ZhCn, number)), words, "{number}");
        }
    }

    #[test]
    fn mandarin_measures_and_ordinals() {
        assert_eq!(zh(minutes(Language::ZhCn, 2)), "两分钟");
        assert_eq!(zh(minutes(Language::ZhCn, 12)), "十二分钟");
        assert_eq!(zh(minutes(Language::ZhCn, 22)), "二十二分钟");
        assert_eq!(zh(hours(Language::ZhCn, 2)), "两小时");
        assert_eq!(zh(position(Language::ZhCn, 2)), "您排在第二位");
        assert_eq!(zh(digits(Language::ZhCn, "110-2")), "幺幺零二");
    }

    #[test]
    fn mandarin_times() {
        for (hour, minute, words) in [
            (0, 0, "凌晨零点整"),
            (0, 5, "凌晨零点零五分"),
            (2, 5, "凌晨两点零五分"),
            (5, 0, "上午五点整"),
            (9, 30, "上午九点三十分"),
            (11, 59, "上午十一点五十九分"),
            (12, 0, "中午十二点整"),
            (12, 30, "中午十二点三十分"),
            (13, 0, "下午一点整"),
            (14, 2, "下午两点零二分"),
            (22, 12, "下午十点十二分"),
        ] {
            assert_eq!(zh(time_of_day(Language::ZhCn, hour * 60 + minute)), words);
        }
    }

    #[test]
    fn english_numbers() {
        for (number, words) in [
            (0, "0"),
            (13, "13"),
            (20, "20"),
            (21, "20 1"),
            (99, "90 9"),
            (100, "1 hundred"),
            (115, "1 hundred 15"),
            (1001, "1 thousand 1"),
            (22_340, "20 2 thousand 3 hundred 40"),
            (2_000_000, "2 million"),
        ] {
            assert_eq!(en(super::number(Language::EnUs, number)), words, "{number}");
        }
        assert_eq!(en(minutes(Language::EnUs, 1)), "1 minute");
        assert_eq!(en(hours(Language::EnUs, 2)), "2 hours");
        assert_eq!(en(position(Language::EnUs, 7)), "position-before 7 position-after");
        assert_eq!(en(position(Language::EnUs, 1)), "next-in-line");
    }

    #[test]
    fn english_times() {
        assert_eq!(en(time_of_day(Language::EnUs, 0)), "12 am");
        assert_eq!(en(time_of_day(Language::EnUs, 3 * 60 + 5)), "3 oh 5 am");
        assert_eq!(en(time_of_day(Language::EnUs, 12 * 60)), "12 pm");
        assert_eq!(en(time_of_day(Language::EnUs, 23 * 60 + 45)), "11 40 5 pm");
    }
}
