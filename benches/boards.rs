//! The emulated boards, one for each core.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A core of Arm's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Core {
    /// Cortex-M0
    M0,
    /// Cortex-M3
    M3,
    /// Cortex-M4
    M4,
    /// Cortex-M33
    M33,
}

impl Core {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::M0, Self::M3, Self::M4, Self::M33];

    /// What Arm calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::M0 => "Cortex-M0",
            Self::M3 => "Cortex-M3",
            Self::M4 => "Cortex-M4",
            Self::M33 => "Cortex-M33",
        }
    }

    /// What QEMU calls the board that has it.
    pub fn machine(self) -> &'static str {
        match self {
            Self::M0 => "microbit",
            Self::M3 => "mps2-an385",
            Self::M4 => "mps2-an386",
            Self::M33 => "mps2-an505",
        }
    }

    /// What Rust calls it.
    pub fn target(self) -> &'static str {
        match self {
            Self::M0 => "thumbv6m-none-eabi",
            Self::M3 => "thumbv7m-none-eabi",
            Self::M4 => "thumbv7em-none-eabihf",
            Self::M33 => "thumbv8m.main-none-eabi",
        }
    }
}
