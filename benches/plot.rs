//! The figures of `growth`, drawn.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use crate::growth::{HELD, Point};

/// What is drawn of a point, and in which colour.
type Curve = (&'static str, fn(&Point) -> f64, RGBColor);

const CURVES: [Curve; 3] = [
    ("start and finish", |point| point.start_and_finish_ns, RGBColor(99, 44, 166)),
    ("drain a span", |point| point.drain_span_ns, RGBColor(0, 122, 204)),
    ("empty poll", |point| point.empty_poll_ns, RGBColor(128, 128, 128)),
];

/// Draws the figures into an SVG file.
pub fn draw(points: &[Point], file: &Path) -> Result<()> {
    chart(points, file).map_err(|error| anyhow!("{} cannot be drawn: {error}", file.display()))
}

fn chart(points: &[Point], file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let all = || points.iter().flat_map(|point| CURVES.iter().map(|(_, of, _)| of(point)));
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(1.0, f64::max));
    let slots =
        |pick: fn(usize, usize) -> usize| points.iter().map(|point| point.slots).reduce(pick).unwrap_or(1);

    let root = SVGBackend::new(file, (800, 480)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Nanoseconds by slots of the arena", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(
            (slots(usize::min) as f64..slots(usize::max) as f64).log_scale().base(2.0),
            // Above the curves there is room for their names.
            (least.max(1.0) / 2.0..most * 8.0).log_scale(),
        )?;
    chart
        .configure_mesh()
        .x_desc("slots")
        .y_desc("ns")
        .x_label_formatter(&|slots| format!("{slots:.0}"))
        .draw()?;
    for (name, of, colour) in CURVES {
        // The fuller, the stronger.
        for (held, width) in HELD.into_iter().zip(1_u32..) {
            let line = points.iter().filter(|point| point.held_percent == held);
            let line = line.map(|point| (point.slots as f64, of(point).max(1.0)));
            let style = colour.stroke_width(width);
            chart
                .draw_series(LineSeries::new(line, style))?
                .label(format!("{name}, {held} % held"))
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 20, y)], style));
        }
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}
