//! A line plot as inline SVG.

use std::fmt::Write as _;

use super::text;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 280.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 36.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 40.0;
/// Steps of an axis that is not logarithmic, at most.
const STEPS: u32 = 10;
const COLOURS: [&str; 4] = ["#1b6ca8", "#c2571a", "#2c8a3f", "#7a3fa0"];

pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) lines: Vec<Line>,
}

pub(super) struct Axis {
    pub(super) name: &'static str,
    pub(super) logarithmic: bool,
}

pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// Where values lie on an axis.
struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(axis: &Axis, values: impl Iterator<Item = f64>) -> Scale {
        let (low, high) = values
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let (low, high) = if axis.logarithmic {
            let whole = |value: f64| 10_f64.powf(value);
            (whole(low.max(1e-9).log10().floor()), whole(high.max(1e-9).log10().ceil()))
        } else {
            (0.0, (high / step(high)).ceil() * step(high))
        };
        let high = if high > low { high } else { low + 1.0 };
        Scale { low, high, logarithmic: axis.logarithmic }
    }

    /// 0 to 1.
    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let next = |tick: &f64| Some(tick * 10.0).filter(|tick| *tick <= self.high * 1.01);
            return std::iter::successors(Some(self.low), next).collect();
        }
        let step = step(self.high);
        (0..=STEPS).map(|nth| step * f64::from(nth)).filter(|tick| *tick <= self.high * 1.01).collect()
    }
}

impl Plot {
    /// Prints it; nothing when there is nothing to see.
    pub(super) fn print(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        if points().count() < 2 {
            return String::new();
        }
        let x = Scale::of(&self.x, points().map(|point| point.0));
        let y = Scale::of(&self.y, points().map(|point| point.1));
        let mut svg = format!(
            "<h2>{}</h2>\n<div class=\"plot\"><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">\n",
            text(self.title)
        );
        self.print_axes(&mut svg, &x, &y);
        for ((nth, line), colour) in self.lines.iter().enumerate().zip(COLOURS.iter().cycle()) {
            let places: Vec<String> = line
                .points
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", across(x.place(*at)), up(y.place(*value))))
                .collect();
            // Writing to a String does not fail.
            let _ = writeln!(
                svg,
                "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>\
                 <text x=\"{}\" y=\"16\" style=\"fill:{colour}\">{}</text>",
                places.join(" "),
                LEFT + 60.0 + 160.0 * nth as f64,
                text(line.name)
            );
        }
        svg + "</svg></div>\n"
    }

    fn print_axes(&self, svg: &mut String, x: &Scale, y: &Scale) {
        for tick in x.ticks() {
            let at = across(x.place(tick));
            let _ = writeln!(
                svg,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"#ddd\"/>\
                 <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 18.0,
                number(tick)
            );
        }
        for tick in y.ticks() {
            let at = up(y.place(tick));
            let _ = writeln!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                at + 4.0,
                number(tick)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><text x=\"4\" y=\"16\">{}</text>",
            WIDTH - RIGHT,
            HEIGHT - 6.0,
            text(self.x.name),
            text(self.y.name)
        );
    }
}

/// The least of 1, 2, 5, 10, … that divides up to `high` into at most [`STEPS`]; 1 for nothing.
fn step(high: f64) -> f64 {
    if high <= 0.0 || !high.is_finite() {
        return 1.0;
    }
    let least = high / f64::from(STEPS);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0]
        .map(|factor| factor * power)
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(10.0 * power)
}

fn across(place: f64) -> f64 {
    LEFT + place * (WIDTH - LEFT - RIGHT)
}

fn up(place: f64) -> f64 {
    HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM)
}

fn number(value: f64) -> String {
    let digits = if value >= 100.0 {
        0
    } else if value >= 0.01 {
        3
    } else {
        6
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)], logarithmic: bool) -> String {
        let axis = |name| Axis { name, logarithmic };
        let lines = vec![Line { name: "a", points: points.to_vec() }];
        Plot { title: "t", x: axis("x"), y: axis("y"), lines }.print()
    }

    #[test]
    fn points_lie_inside_and_the_highest_is_at_the_top() {
        let svg = plot(&[(0.0, 0.0), (5.0, 10.0), (10.0, 5.0)], false);
        assert!(svg.contains("points=\"60.0,240.0 412.0,24.0 764.0,132.0\""), "{svg}");
    }

    #[test]
    fn a_plain_axis_has_round_steps_and_room_for_the_highest() {
        let svg = plot(&[(0.0, 0.0), (16.676, 0.035)], false);
        for tick in [">2<", ">16<", ">18<", ">0.005<", ">0.035<"] {
            assert!(svg.contains(tick), "{tick} in {svg}");
        }
        for (high, expected) in [(10.0, 1.0), (10.1, 2.0), (4.0, 0.5), (0.0, 1.0), (1_700.0, 200.0)] {
            assert!((step(high) - expected).abs() < 1e-9, "{high}: {}", step(high));
        }
    }

    #[test]
    fn a_logarithmic_axis_has_whole_powers() {
        let svg = plot(&[(1.0, 0.05), (100.0, 20.0)], true);
        for tick in [">0.01<", ">0.1<", ">1<", ">10<", ">100<"] {
            assert!(svg.contains(tick), "{tick} in {svg}");
        }
    }

    #[test]
    fn nothing_draws_nothing_and_equal_values_draw_something() {
        assert_eq!(plot(&[], false), "");
        let svg = plot(&[(0.0, 3.0), (0.0, 3.0)], true);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
