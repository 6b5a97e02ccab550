//! Giving up what decoding does not need: files, network, signals, other programs, more memory than a limit.
//!
//! Each restriction is for good and for this process only. What the kernel lacks is left out and told to the node.
//! Other processes that read hostile files in native code (`wsi::openslide`) use what is public here.

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
pub fn close_inherited() {
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

/// Sets a limit, and never raises one: whoever started the node may have set less, and only the superuser may undo that.
///
/// # Errors
/// What the kernel says.
pub fn lower(resource: Resource, most: u64) -> io::Result<()> {
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

/// No program that this process starts may have more rights than it has itself, and no other process of this user may
/// read its memory.
///
/// # Errors
/// What the kernel says.
#[allow(unsafe_code)]
pub fn set_no_new_privileges() -> io::Result<()> {
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
    refusing(REFUSED.iter().map(|call| (*call, Vec::new())).collect(), libc::EPERM)
}

fn refusing(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    error: i32,
) -> Result<BpfProgram, seccompiler::BackendError> {
    let refuse = SeccompAction::Errno(error as u32);
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?.try_into()
}

/// What a library that reads files never needs, and what would reach beyond the one file: network, other processes, other
/// programs, changes of files' owners, modes and times (which Landlock does not know), and wide doors into the kernel.
const OUTWARD: &[libc::c_long] = &[
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_kill,
    libc::SYS_tkill,
    libc::SYS_tgkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_kcmp,
    libc::SYS_migrate_pages,
    libc::SYS_move_pages,
    libc::SYS_setpriority,
    libc::SYS_ioprio_set,
    libc::SYS_sched_setaffinity,
    libc::SYS_sched_setattr,
    libc::SYS_sched_setparam,
    libc::SYS_sched_setscheduler,
    libc::SYS_setpgid,
    libc::SYS_setsid,
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_chroot,
    libc::SYS_pivot_root,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
    libc::SYS_setxattr,
    libc::SYS_lsetxattr,
    libc::SYS_fsetxattr,
    libc::SYS_removexattr,
    libc::SYS_lremovexattr,
    libc::SYS_fremovexattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_shmget,
    libc::SYS_shmat,
    libc::SYS_msgget,
    libc::SYS_semget,
    libc::SYS_mq_open,
];

/// The same where the architecture has older calls beside them.
#[cfg(target_arch = "x86_64")]
const OUTWARD_OLD: &[libc::c_long] = &[
    libc::SYS_fork,
    libc::SYS_vfork,
    libc::SYS_chmod,
    libc::SYS_chown,
    libc::SYS_lchown,
    libc::SYS_utime,
    libc::SYS_utimes,
    libc::SYS_futimesat,
];
#[cfg(not(target_arch = "x86_64"))]
const OUTWARD_OLD: &[libc::c_long] = &[];

/// fchmodat2, which has the same number everywhere.
const FCHMODAT2: libc::c_long = 452;
/// What x86-64 adds to the numbers of its calls with 32-bit pointers, where the kernel has them.
const X32: libc::c_long = 0x4000_0000;

/// Has the kernel refuse this thread, and what it starts, every call that would reach out of it ("not permitted", which a
/// library can live with); returns whether it does. Takes [`set_no_new_privileges`] first.
#[must_use]
pub fn refuse_outward_calls() -> bool {
    let filters = || -> Result<[BpfProgram; 2], seccompiler::BackendError> {
        let mut rules = BTreeMap::new();
        for call in OUTWARD.iter().chain(OUTWARD_OLD).chain([&FCHMODAT2]) {
            rules.insert(*call, Vec::new());
            if cfg!(target_arch = "x86_64") {
                rules.insert(*call | X32, Vec::new());
            }
        }
        // Limits, but of this process alone.
        let other = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, 0)?;
        rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![other])?]);
        // Threads, but no processes.
        let thread = SeccompCmpOp::MaskedEq(libc::CLONE_THREAD as u64);
        let process = SeccompCondition::new(0, SeccompCmpArgLen::Qword, thread, 0)?;
        rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![process])?]);
        if cfg!(target_arch = "x86_64") {
            rules.insert(libc::SYS_clone | X32, Vec::new());
        }
        // As if the kernel were older: its flags are behind a pointer, where no filter sees them.
        let newer = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
        Ok([refusing(rules, libc::EPERM)?, refusing(newer, libc::ENOSYS)?])
    };
    filters().is_ok_and(|filters| filters.iter().all(|filter| seccompiler::apply_filter(filter).is_ok()))
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
