//! Floats in double precision, by their shortest decimal: 0.1 stays 0.1.

/// The powers of ten that are tried before a float is written out.
const POWERS: [f64; 7] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6];

/// From here on not every integer is a float.
const LARGE: f64 = 16_777_216.0;

/// The number in double precision whose decimal is the shortest that names this float.
pub(crate) fn widened(value: f32) -> f64 {
    let exact = f64::from(value);
    if exact.abs() < LARGE {
        // Of so few digits all products are exact. The first number of decimals that names the float is the shortest; of two that
        // are equally near, the one further from 0 is written.
        for power in POWERS {
            let scaled = exact * power;
            let rounded = (scaled + 0.5_f64.copysign(scaled)) as i64 as f64;
            let decimal = (rounded / power).copysign(exact);
            if decimal as f32 == value {
                return decimal;
            }
        }
    }
    value.to_string().parse().unwrap_or(exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_float_is_what_its_shortest_decimal_says() {
        let decimals = (0..40_000).flat_map(|n| [1.0, 10.0, 1e3, 1e5, 1e7].map(|power| n as f32 / power));
        // All magnitudes, and those where two decimals are equally near.
        let bits = (0..200_000_u32).map(|n| f32::from_bits(n.wrapping_mul(0x9e37_79b9)));
        let ties =
            (0..13_000).flat_map(|n| (1..13).map(move |bits| (8_388_608 + n) as f32 / (1 << bits) as f32));
        let edges = [0.1, f32::MAX, f32::MIN_POSITIVE, f32::INFINITY, 16_777_215.0, 16_777_216.0];
        let all = decimals.chain(bits).chain(ties).chain(edges);
        for value in all.filter(|value| !value.is_nan()).flat_map(|value| [value, -value]) {
            let told: f64 = value.to_string().parse().unwrap();
            assert_eq!(widened(value).to_bits(), told.to_bits(), "{value}");
        }
        assert!(widened(f32::NAN).is_nan());
    }
}
