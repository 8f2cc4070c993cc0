//! CRC-16/IBM-3740: on a host, whose caches hold tables, by the crate `crc`, 16 bytes at a time; on a device four bytes at a time
//! and without a table.
//!
//! Bits are the coefficients of a polynomial over GF(2), the first one sent being the highest. The CRC of a message is its remainder
//! by P = x^16 + x^12 + x^5 + 1, times x^16. For 32 bits `v`, the quotient `q` of v * x^16 by P is what makes
//! q ^ q >> 4 ^ q >> 11 ^ q >> 16 equal to `v`. With A(q) = q >> 4 ^ q >> 11 ^ q >> 16 that is the sum of A^0 to A^7, since A^8 shifts all out; and
//! 1 + A, 1 + A^2 and 1 + A^4 multiply to this sum. The remainder is the low half of q * P.

/// The CRC of these bytes.
#[cfg(not(target_os = "none"))]
pub(super) fn crc(bytes: &[u8]) -> u16 {
    use ::crc::{CRC_16_IBM_3740, Crc, Table};
    const CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_3740);
    CRC.checksum(bytes)
}

#[cfg(target_os = "none")]
pub(super) use self::without_table as crc;

#[cfg(any(test, target_os = "none"))]
pub(super) fn without_table(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut crc = 0xffff_u32;
    for word in words {
        // Only the low half of `crc` counts.
        let v = u32::from_be_bytes(*word) ^ crc << 16;
        let q = v ^ v >> 4 ^ v >> 11 ^ v >> 16;
        let q = q ^ q >> 8 ^ q >> 22;
        let q = q ^ q >> 16;
        crc = q ^ q << 5 ^ q << 12;
    }
    // The same for eight bits, of which `v >> 11` and `v >> 16` leave none.
    let mut crc = crc as u16;
    for byte in rest {
        let v = crc >> 8 ^ u16::from(*byte);
        let q = v ^ v >> 4;
        crc = crc << 8 ^ q ^ q << 5 ^ q << 12;
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::*;
    extern crate std;
    use proptest::prelude::*;

    #[test]
    fn of_the_digits_it_is_the_check_value() {
        assert_eq!((crc(b"123456789"), without_table(b"123456789")), (0x29b1, 0x29b1));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 5 } else { 1000 }, failure_persistence: None, ..Default::default() })]

        #[test]
        fn a_device_computes_what_a_host_does(bytes in prop::collection::vec(any::<u8>(), 0..if cfg!(miri) { 20 } else { 200 })) {
            prop_assert_eq!(without_table(&bytes), crc(&bytes));
        }
    }
}
