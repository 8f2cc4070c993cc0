//! In which container this process runs, as the agent wants to know it: it adds the container's tags to the traces.

use std::fs;
use std::path::{Path, PathBuf};

/// What control groups this process is in.
const CGROUPS: &str = "/proc/self/cgroup";
/// Where they are mounted.
const MOUNT: &str = "/sys/fs/cgroup";
/// This process's name space of control groups.
const NAMESPACE: &str = "/proc/self/ns/cgroup";

/// The inode of the host's own name space, fixed by Linux: outside of a container there is nothing to tell.
const HOST: u64 = 0xefff_fffb;

/// The ids of a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Container {
    /// For `Datadog-Container-ID`.
    pub(super) id: Option<String>,
    /// For `Datadog-Entity-ID`: the container's id, or else the inode of its control group.
    pub(super) entity: Option<String>,
}

impl Container {
    /// The one this process runs in.
    pub(super) fn of_this_process() -> Self {
        let is_host = inode(Path::new(NAMESPACE)) == Some(HOST);
        let cgroups = fs::read_to_string(CGROUPS).unwrap_or_default();
        Self::find(&cgroups, Path::new(MOUNT), is_host)
    }

    fn find(cgroups: &str, mount: &Path, is_host: bool) -> Self {
        let id = cgroups.lines().find_map(|line| id_in(path_of(line)?.1));
        let entity = match &id {
            Some(id) => Some(format!("ci-{id}")),
            None if is_host => None,
            None => node(cgroups, mount).and_then(|node| inode(&node)).map(|inode| format!("in-{inode}")),
        };
        Self { id: id.map(str::to_owned), entity }
    }
}

/// The controllers and the path of a line: `4:memory:/docker/...`, or `0::/...` in version 2.
fn path_of(line: &str) -> Option<(&str, &str)> {
    let (number, rest) = line.split_once(':')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    rest.split_once(':').filter(|_| is_number)
}

/// The container's id at the end of a path, where `.scope` and one more name may follow.
fn id_in(path: &str) -> Option<&str> {
    let path = path.trim_end_matches(' ');
    let scope = || path.strip_suffix(".scope").or_else(|| path.rsplit_once('/')?.0.strip_suffix(".scope"));
    id_at_end(path).or_else(|| id_at_end(scope()?))
}

/// The id that a text ends with: 64 hex digits, a UUID, the id of a task of ECS, or one of Garden, whose last group is short.
fn id_at_end(text: &str) -> Option<&str> {
    let tail = |length: usize| text.get(text.len().checked_sub(length)?..);
    let task = || {
        let (before, number) = text.rsplit_once('-')?;
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let start = before.len().checked_sub(32).filter(|_| is_number)?;
        text.get(start..).filter(|_| before.get(start..).is_some_and(is_hex))
    };
    tail(64)
        .filter(|id| is_hex(id))
        .or_else(|| tail(36).filter(|id| is_grouped(id, &['-', '_'], &[8, 4, 4, 4, 12])))
        .or_else(task)
        .or_else(|| tail(28).filter(|id| is_grouped(id, &['-'], &[8, 4, 4, 4, 4])))
}

fn is_grouped(text: &str, separators: &[char], lengths: &[usize]) -> bool {
    let groups = || text.split(separators);
    groups().map(str::len).eq(lengths.iter().copied()) && groups().all(is_hex)
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Where the control group of this process is mounted: that of memory in version 1, the only one in version 2.
fn node(cgroups: &str, mount: &Path) -> Option<PathBuf> {
    let groups = || cgroups.lines().filter_map(path_of);
    let relative = |path: &str| path.trim_start_matches('/').to_owned();
    let memory = groups().find(|(controllers, _)| controllers.split(',').any(|name| name == "memory"));
    match memory {
        Some((_, path)) => Some(mount.join("memory").join(relative(path))),
        None => groups()
            .find(|(controllers, _)| controllers.is_empty())
            .map(|(_, path)| mount.join(relative(path))),
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| metadata.ino())
}

#[cfg(not(unix))]
fn inode(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "8c046cb0b72cd4c99f51b5591cd5b095967f58ee003710a45280c28ee1a9c7fa";

    fn id(line: &str) -> Option<String> {
        Container::find(line, Path::new("/nowhere"), false).id
    }

    #[test]
    fn an_id_is_found_at_the_end_of_a_path_whoever_runs_the_container() {
        for line in [
            format!("10:hugetlb:/kubepods/burstable/podfd52ef25-a87d-11e9-9423-0800271a638e/{ID}"),
            format!("1:name=systemd:/docker/{ID}"),
            format!("0::/system.slice/docker-{ID}.scope"),
            format!("0::/kubepods.slice/cri-containerd-{ID}.scope/init  "),
            format!("3:cpu:/\n1:name=systemd:/ecs/55091c13/{ID}\n"),
        ] {
            assert_eq!(id(&line).as_deref(), Some(ID), "{line}");
        }
        for tail in [
            "34dc0b5e626f2c5c4c5170e34b10e765-1234567890",
            "7b8952da_8b91_43d4_8a0a-cdc9af5a5ffe",
            "6f265890-5165-7fab-6b52-18d1",
        ] {
            assert_eq!(id(&format!("1:name=systemd:/garden/{tail}")).as_deref(), Some(tail));
        }
    }

    #[test]
    fn what_only_resembles_an_id_is_none() {
        for line in ["", "other", "0::/", "0::/user.slice/session-2.scope", "x:y:/docker/", "1:cpu:/é-12"] {
            assert_eq!(id(line), None, "{line}");
        }
        assert_eq!(id(&format!("1:cpu:/docker/{}", ID.to_uppercase())), None);
        assert_eq!(id(ID), None);
    }

    #[test]
    #[cfg(unix)]
    fn without_an_id_the_control_group_stands_for_the_container_but_on_the_host() {
        let mount = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(mount.path().join("memory/mine")).expect("a folder");
        let entity = |cgroups: &str, is_host| Container::find(cgroups, mount.path(), is_host).entity;
        let of = |path: &str| Some(format!("in-{}", inode(&mount.path().join(path)).expect("an inode")));
        assert_eq!(entity("0::/", false), of("."));
        assert_eq!(entity("0::/\n5:memory:/mine", false), of("memory/mine"));
        assert_eq!(entity("0::/", true), None);
        assert_eq!(entity("0::/gone", false), None);
        assert_eq!(entity(&format!("0::/docker/{ID}"), true), Some(format!("ci-{ID}")));
    }
}
