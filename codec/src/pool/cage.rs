//! Giving up what decoding does not need: files, network, signals, other programs, more memory than a limit.
//!
//! Each restriction is for good and for this process only. What the kernel lacks is left out and told to the node.

use super::Confinement;
use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _, RulesetStatus, Scope};
use rustix::process::{Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;
use std::io;

/// What a codec may call: memory, the bytes that it shares with the node, time, and its own end.
const ALLOWED: &[libc::c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_sched_yield,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// Questions that a C library may ask by habit; "not permitted" is an answer that it can live with.
const REFUSED: &[libc::c_long] = &[
    libc::SYS_openat,
    libc::SYS_newfstatat,
    libc::SYS_fstat,
    libc::SYS_ioctl,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_sysinfo,
    libc::SYS_sched_getaffinity,
    libc::SYS_prlimit64,
    libc::SYS_uname,
];

/// Ends this process when the node ends, also while a job is under way; call it first.
pub(super) fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Closes whatever was inherited beyond the three standard descriptors.
#[allow(unsafe_code)]
pub(super) fn close_inherited() {
    // SAFETY: nothing in this process has opened a descriptor yet; a kernel without the call (before 5.9) says so, and
    // what is open is closed on exec there, as everything that Rust opens.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32);
    }
}

/// Makes standard input and output lead where standard error leads: nowhere.
#[allow(unsafe_code)]
pub(super) fn silence_output() -> io::Result<()> {
    for descriptor in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // SAFETY: standard descriptors, which nothing owns.
        if unsafe { libc::dup2(libc::STDERR_FILENO, descriptor) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Bytes of a page of memory.
#[allow(unsafe_code)]
pub(super) fn page_bytes() -> u64 {
    // SAFETY: a question.
    u64::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap_or(4096)
}

/// Keeps buffers of usual frames in the heap, so that a slice costs no page faults, and gives the heap's end back.
#[allow(unsafe_code)]
pub(super) fn set_up_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: plain settings of glibc's allocator.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 8 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 16 << 20);
    }
}

/// Gives the heap's free pages back, after a large job.
#[allow(unsafe_code)]
pub(super) fn trim_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: only unused memory of the allocator's is given back.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Limits that hold whatever the kernel is. The limit of memory is the node's to set, job by job.
pub(super) fn limit(cpu_seconds_max: u64, file_bytes_max: u64) -> io::Result<()> {
    // What was being decoded is not to be found in a core file.
    lower(Resource::Core, 0)?;
    lower(Resource::Cpu, cpu_seconds_max)?;
    lower(Resource::Fsize, file_bytes_max)?;
    lower(Resource::Nproc, 0)
}

/// Never raises: whoever started the node may have set less, and only the superuser may undo that.
fn lower(resource: Resource, most: u64) -> io::Result<()> {
    let most = rustix::process::getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
    Ok(rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}

/// Confines this process as far as the kernel can.
pub(super) fn confine() -> io::Result<Confinement> {
    set_no_new_privileges()?;
    let has_landlock = landlock();
    // No descriptor can be opened from here on, by whatever call. (Landlock needs one.)
    lower(Resource::Nofile, 0)?;
    let has_seccomp = seccomp();
    Ok(Confinement { has_landlock, has_seccomp })
}

#[allow(unsafe_code)]
fn set_no_new_privileges() -> io::Result<()> {
    // SAFETY: changes flags of this process and touches no memory. Not dumpable: no other process of this user may
    // read its memory.
    let result = unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// No file, no TCP port, no abstract socket, no signal to others: as much of it as this kernel knows.
fn landlock() -> bool {
    let ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))
        .and_then(|ruleset| ruleset.handle_access(AccessNet::from_all(ABI::V5)))
        .and_then(|ruleset| ruleset.scope(Scope::from_all(ABI::V6)))
        .and_then(Ruleset::create)
        .and_then(landlock::RulesetCreated::restrict_self);
    ruleset.is_ok_and(|status| status.ruleset != RulesetStatus::NotEnforced)
}

fn seccomp() -> bool {
    let (Ok(refuse), Ok(allow)) = (refusals(), allowances()) else { return false };
    // The strictest answer wins, so the refusals can stand before the filter that would kill.
    seccompiler::apply_filter(&refuse).and_then(|()| seccompiler::apply_filter(&allow)).is_ok()
}

fn refusals() -> Result<BpfProgram, seccompiler::BackendError> {
    let rules = REFUSED.iter().map(|call| (*call, Vec::new())).collect();
    let refuse = SeccompAction::Errno(libc::EPERM as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?.try_into()
}

fn allowances() -> Result<BpfProgram, seccompiler::BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(REFUSED).map(|call| (*call, Vec::new())).collect();
    // Memory, but never such as can be executed: PROT_EXEC is in the third argument of both.
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        let executable = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
        let never = SeccompCondition::new(2, SeccompCmpArgLen::Dword, executable, 0)?;
        rules.insert(call, vec![SeccompRule::new(vec![never])?]);
    }
    let arch = std::env::consts::ARCH.try_into()?;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}
