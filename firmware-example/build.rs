//! Gives each program the memory map of its board, and the linker scripts it needs.

use std::env;

/// What the linker has to be told for one program.
struct Program {
    name: &'static str,
    board: &'static str,
    scripts: &'static [&'static str],
}

/// Places the build id; with it goes the linker's argument that makes one. Programs that are measured have none.
const BUILD_ID: &str = "build-id.x";

const PROGRAMS: &[Program] = &[
    Program { name: "example_main_loop", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "example_isr", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "example_rtic", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "example_defmt", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "example_dual_core", board: "an521", scripts: &["link.x", BUILD_ID] },
    Program { name: "example_embassy", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "clock_udp", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "distributed_counter", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "distributed_kitchen", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "sandwich_mqtt", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "sandwich_tcp", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "sandwich_udp", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "sandwich_uart", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "sandwich_rtt", board: "lm3s6965", scripts: &["link.x", "defmt.x", BUILD_ID] },
    Program { name: "hammer_nested", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "hammer_m0", board: "microbit", scripts: &["link.x", BUILD_ID] },
    Program { name: "hammer_cores", board: "an521", scripts: &["link.x", BUILD_ID] },
    Program { name: "example_panic", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "recorder_m0", board: "microbit", scripts: &["link.x", BUILD_ID] },
    Program { name: "recorder_m4", board: "an386", scripts: &["link.x", BUILD_ID] },
    Program { name: "size_empty", board: "an386", scripts: &["link.x"] },
    Program { name: "size_tiny", board: "an386", scripts: &["link.x"] },
    Program { name: "size_spans", board: "an386", scripts: &["link.x"] },
    Program { name: "size_forbidden", board: "an386", scripts: &["link.x"] },
];

/// The programs that count what an operation costs.
const COSTS: [&str; 6] =
    ["cost", "cost_interrupts", "cost_callsites", "cost_sampler", "cost_global", "cost_recorder"];

/// Their boards, one for each target: what the target is called, the core, the memory map.
const COST: &[(&str, &str, &str)] = &[
    ("thumbv6m-none-eabi", "m0", "microbit"),
    ("thumbv7m-none-eabi", "m3", "an386"),
    ("thumbv7em-none-eabihf", "m4", "an386"),
    ("thumbv8m.main-none-eabi", "m33", "an505"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(cost, values(\"m0\", \"m3\", \"m4\", \"m33\"))");
    println!("cargo::rerun-if-changed=memory");
    // On a host the programs are stubs and the host's own linker arguments are right.
    if env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none") {
        return;
    }
    // The log macros read their level from the compiler's environment, and without one keep nothing below an error.
    println!("cargo::rerun-if-env-changed=DEFMT_LOG");
    if env::var_os("DEFMT_LOG").is_none() {
        println!("cargo::rustc-env=DEFMT_LOG=info");
    }
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR for build scripts");
    for program in PROGRAMS {
        link(&root, program);
    }
    let target = env::var("TARGET").expect("cargo sets TARGET for build scripts");
    for (_, core, board) in COST.iter().filter(|(name, ..)| *name == target) {
        println!("cargo::rustc-cfg=cost=\"{core}\"");
        for name in COSTS {
            link(&root, &Program { name, board, scripts: &["link.x"] });
        }
    }
}

fn link(root: &str, Program { name, board, scripts }: &Program) {
    println!("cargo::rustc-link-arg-bin={name}=-L{root}/memory/{board}");
    println!("cargo::rustc-link-arg-bin={name}=-L{root}/memory");
    if scripts.contains(&BUILD_ID) {
        println!("cargo::rustc-link-arg-bin={name}=--build-id");
    }
    for script in *scripts {
        println!("cargo::rustc-link-arg-bin={name}=-T{script}");
    }
}
