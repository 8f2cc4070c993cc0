//! `name=number` arguments in a command line, as a program gets them from the machine that runs it.

/// The value of the first word `name=value` in `command_line`.
///
/// `None` where no word has that name, and where the first that has it is not a decimal number of 32 bits.
pub fn number(command_line: &str, name: &str) -> Option<u32> {
    command_line
        .split_ascii_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    const LINE: &str = "sandwich port=18999 seconds=5";

    #[test]
    fn a_number_is_found_by_its_name() {
        assert_eq!(number(LINE, "port"), Some(18999));
        assert_eq!(number(LINE, "seconds"), Some(5));
    }

    #[test]
    fn an_absent_name_is_none() {
        assert_eq!(number(LINE, "sandwich"), None);
        assert_eq!(number(LINE, "sec"), None);
        assert_eq!(number("", "port"), None);
    }

    #[test]
    fn a_name_is_not_found_inside_a_longer_one() {
        assert_eq!(number("transport=1 port=2", "port"), Some(2));
    }

    #[test]
    fn what_is_not_a_number_of_32_bits_is_none() {
        assert_eq!(number("port=", "port"), None);
        assert_eq!(number("port=-1", "port"), None);
        assert_eq!(number("port=http", "port"), None);
        assert_eq!(number("port=4294967296", "port"), None);
    }

    #[test]
    fn the_first_of_two_words_wins() {
        assert_eq!(number("port=1 port=2", "port"), Some(1));
    }
}
