/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Escape probes inside the shipped profile (RELIABILITY S1, S4): each runs in
 * a forked cell and must be stopped, by an error or by death. And the other
 * way round: the walls must be refused, with a reason, when one of them cannot
 * be put up, and what a document reader needs must still work.
 */
#include "unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "proc/sandbox.h"

#ifndef AF_VSOCK
#define AF_VSOCK 40
#endif

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#else
#define UNDER_ASAN 0
#endif

enum {
	ORDINARY = 12345
}; /* a user without rights */

static const struct sandbox_profile shipped = {.memory_bytes = UINT64_C(2)
	<< 30,
    .cpu_s = 60,
    .files = 16};

/* What the probes aim at, made before the walls go up. */
struct aim {
	pid_t parent;
	pid_t sibling;
	int read_end; /* of a pipe nobody reads */
	char socket_path[108];
	char abstract[108];
	char file[128];
};

/* True: the probe got through. */
typedef bool probe_fn(const struct aim *aim);

static bool
opens(const char *path, int flags)
{
	int fd = open(path, flags, 0600);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

#define PROBE(name) static bool name(const struct aim *aim UNUSED)
#define OPEN_PROBE(name, path, flags)        \
	PROBE(name)                          \
	{                                    \
		return opens((path), flags); \
	}

OPEN_PROBE(read_passwd, "/etc/passwd", O_RDONLY)
OPEN_PROBE(read_shadow, "/etc/shadow", O_RDONLY)
OPEN_PROBE(read_root, "/", O_RDONLY)
OPEN_PROBE(read_dotdot, "../../../../../../etc/passwd", O_RDONLY)
OPEN_PROBE(read_proc_self, "/proc/self/environ", O_RDONLY)
OPEN_PROBE(read_proc_mem, "/proc/self/mem", O_RDWR)
OPEN_PROBE(read_sys, "/sys/kernel/uevent_seqnum", O_RDONLY)
OPEN_PROBE(read_fd_dir, "/proc/self/fd/0", O_RDONLY)
OPEN_PROBE(read_dev_mem, "/dev/mem", O_RDONLY)
OPEN_PROBE(open_tty, "/dev/tty", O_RDWR)
OPEN_PROBE(open_kvm, "/dev/kvm", O_RDWR)
OPEN_PROBE(write_tmp, "/tmp/escaped", O_WRONLY | O_CREAT)
OPEN_PROBE(write_here, "escaped", O_WRONLY | O_CREAT)
OPEN_PROBE(open_tmpfile, "/tmp", O_TMPFILE | O_RDWR)
OPEN_PROBE(read_given_file, aim->file, O_RDONLY)

PROBE(parent_environ)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", aim->parent);
	return opens(path, O_RDONLY);
}

PROBE(stat_path)
{
	struct stat st;

	return stat("/etc/hostname", &st) == 0 || stat(aim->file, &st) == 0;
}

PROBE(access_path)
{
	return access("/etc", F_OK) == 0 || access("/proc", F_OK) == 0;
}

PROBE(readlink_path)
{
	char out[64];

	return readlink("/proc/self/exe", out, sizeof(out)) > 0;
}

PROBE(chmod_file)
{
	return chmod(aim->file, 0) == 0;
}

PROBE(chown_file)
{
	return chown(aim->file, 1, 1) == 0;
}

PROBE(touch_file)
{
	return utimes(aim->file, NULL) == 0;
}

PROBE(unlink_file)
{
	return unlink(aim->file) == 0;
}

PROBE(make_dir)
{
	return mkdir("/tmp/escaped-dir", 0700) == 0 || mkdir("x", 0700) == 0;
}

PROBE(chroot_out)
{
	return chroot("..") == 0;
}

PROBE(mount_proc)
{
	return mount("proc", "/", "proc", 0, NULL) == 0;
}

PROBE(umount_root)
{
	return umount2("/", MNT_DETACH) == 0;
}

PROBE(file_handle)
{
	return syscall(__NR_open_by_handle_at, AT_FDCWD, NULL, 0) >= 0;
}

static bool
makes_socket(int family, int type, int protocol)
{
	return socket(family, type, protocol) >= 0;
}

#define SOCKET_PROBE(name, family, type, protocol)                 \
	PROBE(name)                                                \
	{                                                          \
		return makes_socket((family), (type), (protocol)); \
	}

SOCKET_PROBE(tcp4, AF_INET, SOCK_STREAM, 0)
SOCKET_PROBE(tcp6, AF_INET6, SOCK_STREAM, 0)
SOCKET_PROBE(udp, AF_INET, SOCK_DGRAM, 0)
SOCKET_PROBE(raw, AF_INET, SOCK_RAW, IPPROTO_ICMP)
SOCKET_PROBE(packet, AF_PACKET, SOCK_RAW, 0)
SOCKET_PROBE(netlink, AF_NETLINK, SOCK_RAW, 0)
SOCKET_PROBE(vsock, AF_VSOCK, SOCK_STREAM, 0)
SOCKET_PROBE(af_alg, AF_ALG, SOCK_SEQPACKET, 0)

PROBE(socket_pair)
{
	int fds[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}

static bool
reaches(const char *path, size_t skip)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sa.sun_path + skip, path, n);
	return fd >= 0 &&
	    connect(fd, (struct sockaddr *)&sa,
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + skip +
		    n)) == 0;
}

PROBE(unix_by_path)
{
	return reaches(aim->socket_path, 0);
}

PROBE(unix_abstract)
{
	return reaches(aim->abstract, 1);
}

PROBE(signal_parent)
{
	return kill(aim->parent, 0) == 0;
}

PROBE(signal_sibling)
{
	return kill(aim->sibling, SIGKILL) == 0;
}

PROBE(signal_all)
{
	return kill(-1, 0) == 0;
}

PROBE(trace_parent)
{
	return ptrace(PTRACE_ATTACH, aim->parent, NULL, NULL) == 0;
}

PROBE(trace_sibling)
{
	return ptrace(PTRACE_SEIZE, aim->sibling, NULL, NULL) == 0;
}

PROBE(read_parent_memory)
{
	char out[8];
	struct iovec here = {out, sizeof(out)};
	struct iovec there = {(void *)(uintptr_t)aim, sizeof(out)};

	return process_vm_readv(aim->parent, &here, 1, &there, 1, 0) > 0;
}

PROBE(pidfd)
{
	return syscall(__NR_pidfd_open, aim->parent, 0) >= 0;
}

PROBE(fork_it)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0;
}

static void *
idle(void *arg)
{
	return arg;
}

PROBE(thread_it)
{
	pthread_t t;

	return pthread_create(&t, NULL, idle, NULL) == 0 &&
	    pthread_join(t, NULL) == 0;
}

PROBE(exec_it)
{
	char *const argv[] = {(char *)(uintptr_t) "true", NULL};

	execv("/bin/true", argv);
	return false;
}

PROBE(exec_fd)
{
	char *const argv[] = {(char *)(uintptr_t) "x", NULL};

	return syscall(__NR_execveat, 0, "", argv, argv, AT_EMPTY_PATH) == 0;
}

PROBE(clone_user)
{
	return unshare(CLONE_NEWUSER) == 0;
}

PROBE(enter_namespace)
{
	return setns(0, 0) == 0;
}

PROBE(io_uring)
{
	char params[256] = {0};

	return syscall(425, 8, params) >= 0;
}

PROBE(memory_file)
{
	return memfd_create("x", 0) >= 0;
}

PROBE(key_ring)
{
	return syscall(__NR_keyctl, 0, -3, 0, 0, 0) >= 0;
}

PROBE(ebpf)
{
	char attr[64] = {0};

	return syscall(__NR_bpf, 0, attr, sizeof(attr)) >= 0;
}

PROBE(perf)
{
	char attr[128] = {0};

	return syscall(__NR_perf_event_open, attr, 0, -1, -1, 0) >= 0;
}

PROBE(user_faults)
{
	return syscall(__NR_userfaultfd, 0) >= 0;
}

PROBE(push_tty_input)
{
	return ioctl(0, TIOCSTI, "x") == 0;
}

PROBE(shared_memory)
{
	return syscall(__NR_shmget, 1, 4096, 01600) >= 0;
}

PROBE(new_code)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED;
}

PROBE(writable_code)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC) == 0;
}

PROBE(raise_limits)
{
	struct rlimit r = {.rlim_cur = RLIM_INFINITY,
	    .rlim_max = RLIM_INFINITY};

	return setrlimit(RLIMIT_CPU, &r) == 0 || setrlimit(RLIMIT_AS, &r) == 0;
}

PROBE(become_root)
{
	return setuid(0) == 0 && setgid(0) == 0 && geteuid() == 0;
}

PROBE(capabilities)
{
	return syscall(__NR_capset, NULL, NULL) == 0;
}

PROBE(set_clock)
{
	struct timeval tv = {1, 0};

	return settimeofday(&tv, NULL) == 0;
}

PROBE(kernel_log)
{
	return syscall(__NR_syslog, 3, NULL, 0) >= 0;
}

PROBE(loosen_filter)
{
	return prctl(PR_SET_DUMPABLE, 1) == 0 ||
	    prctl(PR_SET_NAME, "hearth") == 0;
}

PROBE(inherited)
{
	return fcntl(aim->read_end, F_GETFD) >= 0 && aim->read_end > 2 &&
	    fcntl(aim->read_end + 1, F_SETFL, O_NONBLOCK) == 0;
}

PROBE(big_memory)
{
	return !UNDER_ASAN &&
	    mmap(NULL, (size_t)2 << 30, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED;
}

#if defined(__x86_64__)
PROBE(i386_call)
{
	long got;

	/* getpid by the 32-bit gate. */
	__asm__ volatile("int $0x80" : "=a"(got) : "a"(20) : "memory");
	return got > 0;
}

PROBE(x32_call)
{
	return syscall(0x40000000 | 39) > 0;
}
#endif

static const struct {
	const char *name;
	probe_fn *fn;
} probes[] = {
#define P(fn)           \
	{               \
#fn, fn \
	}
    P(read_passwd),
    P(read_shadow),
    P(read_root),
    P(read_dotdot),
    P(read_proc_self),
    P(read_proc_mem),
    P(read_sys),
    P(read_fd_dir),
    P(read_dev_mem),
    P(open_tty),
    P(open_kvm),
    P(write_tmp),
    P(write_here),
    P(open_tmpfile),
    P(read_given_file),
    P(parent_environ),
    P(stat_path),
    P(access_path),
    P(readlink_path),
    P(chmod_file),
    P(chown_file),
    P(touch_file),
    P(unlink_file),
    P(make_dir),
    P(chroot_out),
    P(mount_proc),
    P(umount_root),
    P(file_handle),
    P(tcp4),
    P(tcp6),
    P(udp),
    P(raw),
    P(packet),
    P(netlink),
    P(vsock),
    P(af_alg),
    P(socket_pair),
    P(unix_by_path),
    P(unix_abstract),
    P(signal_parent),
    P(signal_sibling),
    P(signal_all),
    P(trace_parent),
    P(trace_sibling),
    P(read_parent_memory),
    P(pidfd),
    P(fork_it),
    P(thread_it),
    P(exec_it),
    P(exec_fd),
    P(clone_user),
    P(enter_namespace),
    P(io_uring),
    P(memory_file),
    P(key_ring),
    P(ebpf),
    P(perf),
    P(user_faults),
    P(push_tty_input),
    P(shared_memory),
    P(new_code),
    P(writable_code),
    P(raise_limits),
    P(become_root),
    P(capabilities),
    P(set_clock),
    P(kernel_log),
    P(loosen_filter),
    P(inherited),
    P(big_memory),
#if defined(__x86_64__)
    P(i386_call),
    P(x32_call),
#endif
#undef P
};

enum {
	OUT_BLOCKED = 0,
	OUT_ESCAPED = 1,
	OUT_REFUSED = 2,
	OUT_USER = 3
};

/* The child's exit status, or 128 + signal. */
static int
end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static void
become(uid_t uid)
{
	if (uid != 0 && geteuid() == 0 &&
	    (setresgid(uid, uid, uid) != 0 || setresuid(uid, uid, uid) != 0))
		_exit(OUT_USER);
}

static int
run_probe(const struct sandbox *sb, probe_fn *fn, const struct aim *aim,
    uid_t uid)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(uid);
		if (sandbox_enter(sb, NULL, NULL) != 0)
			_exit(OUT_REFUSED);
		_exit(fn(aim) ? OUT_ESCAPED : OUT_BLOCKED);
	}
	return end_of(pid);
}

static int
listen_unix(const char *path, size_t skip)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	size_t n = strlen(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memcpy(sa.sun_path + skip, path, n);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa,
			     (socklen_t)(offsetof(struct sockaddr_un,
					     sun_path) +
				 skip + n)),
	    0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void
all_blocked(uid_t uid)
{
	struct sandbox *sb = sandbox_new(&shipped, NULL);
	struct aim aim = {.parent = getpid()};
	char dir[64];
	int pipes[2];
	int a;
	int b;
	int got = 0;

	assert_non_null(sb);
	(void)snprintf(dir, sizeof(dir), "/tmp/probe-%d-%u", getpid(), uid);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(chmod(dir, 0777), 0);
	(void)snprintf(aim.socket_path, sizeof(aim.socket_path), "%s/s", dir);
	(void)snprintf(aim.abstract, sizeof(aim.abstract), "probe%d", getpid());
	(void)snprintf(aim.file, sizeof(aim.file), "%s/f", dir);
	close(open(aim.file, O_CREAT | O_WRONLY, 0666));
	a = listen_unix(aim.socket_path, 0);
	b = listen_unix(aim.abstract, 1);
	assert_int_equal(pipe(pipes), 0);
	aim.read_end = pipes[0];
	aim.sibling = fork();
	if (aim.sibling == 0) {
		become(uid);
		for (;;)
			pause();
	}
	for (size_t i = 0; i < COUNT_OF(probes); i++) {
		int end = run_probe(sb, probes[i].fn, &aim, uid);

		if (end == OUT_BLOCKED || end == 128 + SIGSYS)
			got++;
		else
			print_error("probe %s: %d\n", probes[i].name, end);
	}
	kill(aim.sibling, SIGKILL);
	assert_int_equal(end_of(aim.sibling), 128 + SIGKILL);
	close(a);
	close(b);
	close(pipes[0]);
	close(pipes[1]);
	unlink(aim.socket_path);
	unlink(aim.file);
	rmdir(dir);
	sandbox_free(sb);
	assert_int_equal(got, COUNT_OF(probes));
	assert_true(COUNT_OF(probes) >= 40);
}

/* Where this very machine allows no user namespaces to ordinary users, the
 * refusal is what is right; that is test_refused_without_namespaces. */
static bool
user_namespaces(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		become(ORDINARY);
		_exit(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 ? 0 : 1);
	}
	return end_of(pid) == 0;
}

static void
test_probes(void **state UNUSED)
{
	all_blocked(geteuid());
}

static void
test_probes_ordinary_user(void **state UNUSED)
{
	if (geteuid() != 0 || !user_namespaces())
		skip();
	all_blocked(ORDINARY);
}

/* Some of the probes do get through without walls: they are no dummies. */
static void
test_probes_are_real(void **state UNUSED)
{
	static probe_fn *const open_ones[] = {read_passwd, read_root, tcp4, udp,
	    stat_path, access_path, readlink_path, signal_parent, fork_it,
	    thread_it, memory_file, new_code, writable_code, socket_pair,
	    read_proc_self, loosen_filter};
	struct aim aim = {.parent = getpid()};

	for (size_t i = 0; i < COUNT_OF(open_ones); i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(open_ones[i](&aim) ? OUT_ESCAPED : OUT_BLOCKED);
		assert_int_equal(end_of(pid), OUT_ESCAPED);
	}
}

/* --- what must still work ------------------------------------------------ */

static void
test_work_goes_on(void **state UNUSED)
{
	struct sandbox *sb = sandbox_new(&shipped, NULL);
	int out[2];
	pid_t pid;
	unsigned layers = 0;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		char *p;

		if (sandbox_enter(sb, &layers, NULL) != 0)
			_exit(OUT_REFUSED);
		p = malloc(64 << 20);
		if (p == NULL)
			_exit(5);
		memset(p, 1, 64 << 20);
		free(p);
		if (write(out[1], &layers, sizeof(layers)) != sizeof(layers))
			_exit(6);
		_exit(0);
	}
	assert_int_equal(end_of(pid), 0);
	assert_int_equal(read(out[0], &layers, sizeof(layers)), sizeof(layers));
	assert_int_equal(layers & SANDBOX_MANDATORY, SANDBOX_MANDATORY);
	close(out[0]);
	close(out[1]);
	sandbox_free(sb);
}

/* Directories that stay visible can be read, and only they. */
static void
test_visible_directories(void **state UNUSED)
{
	static const char *const visible[] = {"/usr/share/fonts",
	    "/usr/include", "/no/such/place", NULL};
	struct sandbox_profile p = shipped;
	struct sandbox *sb;
	pid_t pid;

	p.read_only = visible;
	sb = sandbox_new(&p, NULL);
	pid = fork();
	if (pid == 0) {
		struct aim aim = {.parent = getppid()};

		(void)umask(077); /* as our programs have it */
		if (sandbox_enter(sb, NULL, NULL) != 0)
			_exit(OUT_REFUSED);
		if (!opens("/usr/include/stdio.h", O_RDONLY))
			_exit(5);
		if (opens("/usr/include/stdio.h", O_RDWR) ||
		    opens("/usr/include/new", O_WRONLY | O_CREAT) ||
		    opens("/usr/bin/env", O_RDONLY) || read_passwd(&aim) ||
		    stat_path(&aim))
			_exit(OUT_ESCAPED);
		_exit(OUT_BLOCKED);
	}
	assert_int_equal(end_of(pid), OUT_BLOCKED);
	sandbox_free(sb);
}

/* A reader that spins is ended by its CPU limit. */
static void
test_cpu_limit(void **state UNUSED)
{
	struct sandbox_profile p = shipped;
	struct sandbox *sb;
	pid_t pid;

	p.cpu_s = 1;
	sb = sandbox_new(&p, NULL);
	pid = fork();
	if (pid == 0) {
		volatile unsigned n = 0;

		if (sandbox_enter(sb, NULL, NULL) != 0)
			_exit(OUT_REFUSED);
		for (;;)
			n = n + 1;
	}
	assert_int_equal(end_of(pid), 128 + SIGXCPU);
	sandbox_free(sb);
}

/* --- failing closed ------------------------------------------------------ */

/* Makes a system call fail for this process from now on. */
static void
break_call(const char *name, int error)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (ctx == NULL ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO((uint32_t)error),
		seccomp_syscall_resolve_name(name), 0) != 0 ||
	    seccomp_load(ctx) != 0)
		_exit(OUT_USER);
	seccomp_release(ctx);
}

struct broken {
	const char *call;
	int error;
	uid_t uid;
	const char *lacks; /* what the message must say */
};

static int
run_broken(const struct broken *b, bool degraded)
{
	struct sandbox_profile p = shipped;
	struct err err = {0};
	pid_t pid = fork();

	if (pid != 0)
		return end_of(pid);
	p.degraded = degraded;
	become(b->uid);
	break_call(b->call, b->error);
	if (sandbox_enter(sandbox_new(&p, NULL), NULL, &err) == 0)
		_exit(OUT_ESCAPED);
	if (err.code != ERR_UNAVAILABLE || strstr(err.msg, b->lacks) == NULL)
		_exit(OUT_USER);
	_exit(OUT_REFUSED);
}

static void
test_fails_closed(void **state UNUSED)
{
	static const struct broken cases[] = {
	    {"landlock_create_ruleset", ENOSYS, 0, "landlock"},
	    {"landlock_create_ruleset", EOPNOTSUPP, 0, "landlock"},
	    {"landlock_restrict_self", EPERM, 0, "landlock"},
	    {"seccomp", EPERM, 0, "seccomp"},
	    {"unshare", EPERM, ORDINARY, "root"},
	    {"prlimit64", EPERM, 0, "limits"},
	    {"capset", EPERM, 0, "rights"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (cases[i].uid != 0 && geteuid() != 0)
			continue;
		assert_int_equal(run_broken(&cases[i], false), OUT_REFUSED);
		assert_int_equal(run_broken(&cases[i], true), OUT_ESCAPED);
	}
}

/* A container that allows root no namespaces still gets an empty root. */
static void
test_root_without_namespaces(void **state UNUSED)
{
	struct sandbox *sb = sandbox_new(&shipped, NULL);
	unsigned layers = 0;
	pid_t pid;

	if (geteuid() != 0)
		skip();
	pid = fork();
	if (pid == 0) {
		struct aim aim = {.parent = getppid()};

		break_call("unshare", EPERM);
		if (sandbox_enter(sb, &layers, NULL) != 0)
			_exit(OUT_REFUSED);
		if ((layers & SANDBOX_NAMESPACES) != 0 || read_passwd(&aim) ||
		    write_here(&aim) || tcp4(&aim))
			_exit(OUT_ESCAPED);
		_exit(OUT_BLOCKED);
	}
	assert_int_equal(end_of(pid), OUT_BLOCKED);
	sandbox_free(sb);
}

/* All layers together are cheap (RELIABILITY G12: 3 ms a document). */
static void
test_cost(void **state UNUSED)
{
	struct sandbox *sb = sandbox_new(&shipped, NULL);
	int64_t from = clock_us();
	enum {
		ROUNDS = 50
	};

	for (int i = 0; i < ROUNDS; i++)
		assert_int_equal(run_probe(sb, capabilities, NULL, 0),
		    OUT_BLOCKED);
	print_message("walls and fork: %lld us a cell\n",
	    (long long)((clock_us() - from) / ROUNDS));
	sandbox_free(sb);
}

extern const struct CMUnitTest sandbox_tests[];
extern const size_t sandbox_tests_count;
const struct CMUnitTest sandbox_tests[] = {
    cmocka_unit_test(test_probes),
    cmocka_unit_test(test_probes_ordinary_user),
    cmocka_unit_test(test_probes_are_real),
    cmocka_unit_test(test_work_goes_on),
    cmocka_unit_test(test_visible_directories),
    cmocka_unit_test(test_cpu_limit),
    cmocka_unit_test(test_fails_closed),
    cmocka_unit_test(test_root_without_namespaces),
    cmocka_unit_test(test_cost),
};
const size_t sandbox_tests_count = COUNT_OF(sandbox_tests);
