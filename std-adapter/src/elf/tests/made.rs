//! A small ELF file, made by hand.

/// The parts of a program that loads constants and variables.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) id: Vec<u8>,
    /// Whether a segment holds the note, or a section alone.
    pub(crate) note_in_segment: bool,
    pub(crate) kind: u16,
    pub(crate) constants: Vec<u8>,
    pub(crate) variables: Vec<u8>,
    /// What a segment says of its size beyond the truth.
    pub(crate) claimed: u32,
}

pub(crate) const CONSTANTS: u32 = 0x0800_0100;
pub(crate) const VARIABLES: u32 = 0x2000_0000;

impl Made {
    pub(crate) fn new(id: &[u8], constants: &str) -> Self {
        Self {
            id: id.into(),
            note_in_segment: true,
            kind: 2,
            constants: constants.into(),
            variables: b"warm".into(),
            claimed: 0,
        }
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        const HEADERS: u32 = 52 + 3 * 32;
        let mut note = Vec::new();
        if !self.id.is_empty() {
            for word in [4, self.id.len() as u32, 3] {
                note.extend(word.to_le_bytes());
            }
            note.extend(b"GNU\0");
            note.extend(&self.id);
            note.resize(note.len().next_multiple_of(4), 0);
        }
        let at = [0, note.len(), self.constants.len(), self.variables.len()].map(|size| size as u32);
        let note_at = HEADERS;
        let constants_at = note_at + at[1];
        let variables_at = constants_at + at[2];
        let sections_at = variables_at + at[3];

        let mut file = b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
        let half =
            |file: &mut Vec<u8>, halves: &[u16]| halves.iter().for_each(|x| file.extend(x.to_le_bytes()));
        let word =
            |file: &mut Vec<u8>, words: &[u32]| words.iter().for_each(|x| file.extend(x.to_le_bytes()));
        half(&mut file, &[self.kind, 40]);
        word(&mut file, &[1, 0, 52, sections_at, 0]);
        half(&mut file, &[52, 32, 3, 40, 2, 0]);
        let note_kind = if self.note_in_segment { 4 } else { 0 };
        word(&mut file, &[note_kind, note_at, 0x0800_0000, 0x0800_0000, at[1], at[1], 4, 4]);
        let size = at[2] + self.claimed;
        word(&mut file, &[1, constants_at, CONSTANTS, CONSTANTS, size, size, 4, 1]);
        // Its first values lie in flash, behind the constants.
        word(&mut file, &[1, variables_at, VARIABLES, CONSTANTS + at[2], at[3], at[3], 6, 1]);
        file.extend(&note);
        file.extend(&self.constants);
        file.extend(&self.variables);
        word(&mut file, &[0; 10]);
        word(&mut file, &[0, 7, 2, 0x0800_0000, note_at, at[1], 0, 0, 4, 0]);
        file
    }
}
