//! `strftime` in UTC for chat templates that print the date.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

struct Moment {
    year: i64,
    month: usize, // from 0
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    weekday: usize, // 0 = Sunday
    year_day: i64,  // from 1
}

fn moment(unix_seconds: i64) -> Moment {
    let days = unix_seconds.div_euclid(86_400);
    let second_of_day = unix_seconds.rem_euclid(86_400);
    // Days to civil date, counting years from March so that leap days come last.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let month = (month_from_march + 2) % 12;
    let year = year_of_era + era * 400 + i64::from(month < 2);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334][month as usize];
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    Moment {
        year,
        month: month as usize,
        day,
        hour: second_of_day / 3600,
        minute: second_of_day / 60 % 60,
        second: second_of_day % 60,
        weekday: (days + 4).rem_euclid(7) as usize,
        year_day: before + day + i64::from(leap && month > 1),
    }
}

/// Text of `format`; unknown codes are left as they are. Years are kept within four digits.
pub fn strftime(format: &str, unix_seconds: i64) -> String {
    let now = moment(unix_seconds.clamp(-62_135_596_800, 253_402_300_799));
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let (padded, code) = match rest.next() {
            Some('-') => (false, rest.next()),
            code => (true, code),
        };
        match code {
            Some(code) => write_code(code, padded, &now, &mut out),
            None => out.push('%'),
        }
    }
    out
}

fn write_code(code: char, padded: bool, now: &Moment, out: &mut String) {
    let hour12 = (now.hour + 11) % 12 + 1;
    let number = |value: i64, width: usize| {
        if padded {
            format!("{value:0width$}")
        } else {
            value.to_string()
        }
    };
    let time = format!("{:02}:{:02}:{:02}", now.hour, now.minute, now.second);
    let text = match code {
        'Y' => number(now.year, 4),
        'y' => number(now.year % 100, 2),
        'm' => number(now.month as i64 + 1, 2),
        'd' => number(now.day, 2),
        'e' => format!("{:2}", now.day),
        'H' => number(now.hour, 2),
        'I' => number(hour12, 2),
        'M' => number(now.minute, 2),
        'S' => number(now.second, 2),
        'f' => "000000".into(),
        'j' => number(now.year_day, 3),
        'B' => MONTHS[now.month].into(),
        'b' | 'h' => MONTHS[now.month][..3].into(),
        'A' => DAYS[now.weekday].into(),
        'a' => DAYS[now.weekday][..3].into(),
        'w' => now.weekday.to_string(),
        'p' => (if now.hour < 12 { "AM" } else { "PM" }).into(),
        'F' => format!("{:04}-{:02}-{:02}", now.year, now.month + 1, now.day),
        'D' | 'x' => format!("{:02}/{:02}/{:02}", now.month + 1, now.day, now.year % 100),
        'T' | 'X' => time,
        'R' => time[..5].into(),
        'c' => format!(
            "{} {} {:2} {time} {}",
            &DAYS[now.weekday][..3],
            &MONTHS[now.month][..3],
            now.day,
            now.year
        ),
        'z' | 'Z' => String::new(), // Python's datetime.now() has no time zone
        'n' => "\n".into(),
        't' => "\t".into(),
        '%' => "%".into(),
        other => format!("%{other}"),
    };
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use super::strftime;

    #[test]
    fn dates() {
        let all = "%Y-%m-%d %H:%M:%S %j %a %B %-d %I %p %y";
        assert_eq!(strftime(all, 0), "1970-01-01 00:00:00 001 Thu January 1 12 AM 70");
        assert_eq!(strftime("%F %j", 951_782_400), "2000-02-29 060");
        assert_eq!(strftime("%d %b %Y", 1_767_139_200), "31 Dec 2025");
        assert_eq!(strftime("%F %T", -1), "1969-12-31 23:59:59");
        assert_eq!(strftime("%F %j", 4_107_542_400), "2100-03-01 060");
        assert_eq!(strftime("100%% %Q %", 0), "100% %Q %");
    }
}
