/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Putting up the layers, in the one order that works: namespaces and the empty
 * root while we still have rights, then the rights go, then Landlock, limits
 * and, last, the system call filter, which forbids all of the above.
 *
 * The filter is compiled by libseccomp once, in sandbox_new(), and loaded as
 * plain BPF by every child: compiling takes longer than the rest together.
 * Landlock's structures are declared here, because the headers of Debian 12
 * are older than the kernels it meets (version 6 brought scopes).
 */
#include "proc/sandbox.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rnd.h"
#include "base/str.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_ASAN 1
#endif
#endif
#ifndef SANDBOX_ASAN
#define SANDBOX_ASAN 0
#endif

#ifndef __NR_landlock_create_ruleset
#define __NR_landlock_create_ruleset 444
#define __NR_landlock_add_rule 445
#define __NR_landlock_restrict_self 446
#endif

struct sandbox {
	struct sandbox_profile profile;
	struct sock_filter *filter;
	unsigned short filter_len;
};

struct landlock_attr {
	uint64_t fs;    /* version 1 */
	uint64_t net;   /* version 4 */
	uint64_t scope; /* version 6 */
};

/* Packed on the wire to the kernel. */
struct landlock_path {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

enum {
	LANDLOCK_VERSION_FLAG = 1,
	LANDLOCK_PATH_BENEATH = 1,
	LANDLOCK_READ_FILE = 1 << 2,
	LANDLOCK_READ_DIR = 1 << 3,
};

/* --- the system call filter ---------------------------------------------- */

enum call_rule {
	CALL_ALLOW,
	CALL_PATHS,
	CALL_REFUSE,
	CALL_KILL
};

static const struct {
	const char *name;
	enum call_rule rule;
} calls[] = {
#define ALLOW(n) {#n, CALL_ALLOW},
#define PATHS(n) {#n, CALL_PATHS},
#define REFUSE(n) {#n, CALL_REFUSE},
#define KILL(n) {#n, CALL_KILL},
#include "proc/sandbox_calls.def"
#undef ALLOW
#undef PATHS
#undef REFUSE
#undef KILL
};

static int
filter_add(scmp_filter_ctx ctx, uint32_t action, const char *name,
    unsigned n_args, const struct scmp_arg_cmp *args)
{
	int nr = seccomp_syscall_resolve_name(name);
	int rc;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add_array(ctx, action, nr, n_args, args);
	/* EDOM: this architecture has no such call. */
	return rc == -EDOM ? 0 : rc;
}

/* Rules that look at one argument, masked: the first that fits. */
static const struct {
	const char *name;
	enum call_rule rule;
	unsigned arg;
	uint64_t mask;
	uint64_t value;
} arg_rules[] = {
#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC)
    {"openat", CALL_PATHS, 2, WRITING, O_RDONLY},
    {"open", CALL_PATHS, 1, WRITING, O_RDONLY},
#undef WRITING
    /* No new code: what runs was there before the document came. */
    {"mmap", CALL_ALLOW, 2, PROT_EXEC, 0},
    {"mmap", CALL_REFUSE, 2, PROT_EXEC, PROT_EXEC},
    {"mmap2", CALL_ALLOW, 2, PROT_EXEC, 0},
    {"mmap2", CALL_REFUSE, 2, PROT_EXEC, PROT_EXEC},
    {"mprotect", CALL_ALLOW, 2, PROT_EXEC, 0},
    {"mprotect", CALL_REFUSE, 2, PROT_EXEC, PROT_EXEC},
    {"fcntl", CALL_ALLOW, 1, UINT32_MAX, F_GETFL},
    {"fcntl", CALL_ALLOW, 1, UINT32_MAX, F_GETFD},
    {"fcntl", CALL_ALLOW, 1, UINT32_MAX, F_SETFD},
    /* Reading limits, as pthread_getattr_np() does; never setting. */
    {"prlimit64", CALL_ALLOW, 2, UINT64_MAX, 0},
};

static uint32_t
call_action(enum call_rule rule, bool paths)
{
	switch (rule) {
	case CALL_PATHS:
		return paths ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(ENOENT);
	case CALL_REFUSE:
		return SCMP_ACT_ERRNO(EPERM);
	case CALL_KILL:
		return SCMP_ACT_KILL_PROCESS;
	case CALL_ALLOW:
	default:
		return SCMP_ACT_ALLOW;
	}
}

static int
filter_fill(scmp_filter_ctx ctx, bool paths)
{
	int rc = 0;

	for (size_t i = 0; i < COUNT_OF(calls) && rc == 0; i++)
		rc = filter_add(ctx, call_action(calls[i].rule, paths),
		    calls[i].name, 0, NULL);
	for (size_t i = 0; i < COUNT_OF(arg_rules) && rc == 0; i++) {
		const struct scmp_arg_cmp arg = {arg_rules[i].arg,
		    SCMP_CMP_MASKED_EQ, arg_rules[i].mask, arg_rules[i].value};

		rc = filter_add(ctx, call_action(arg_rules[i].rule, paths),
		    arg_rules[i].name, 1, &arg);
	}
	return rc;
}

/* libseccomp writes BPF to a descriptor only. */
static int
filter_export(scmp_filter_ctx ctx, struct sandbox *sb)
{
	int fd CLEANUP(closep) = memfd_create("filter", MFD_CLOEXEC);
	struct stat st;
	ssize_t got;
	int rc;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(ctx, fd);
	if (rc != 0)
		return rc;
	if (fstat(fd, &st) != 0 || st.st_size <= 0 ||
	    (size_t)st.st_size > BPF_MAXINSNS * sizeof(struct sock_filter))
		return -EINVAL;
	sb->filter = xmalloc((size_t)st.st_size);
	got = pread(fd, sb->filter, (size_t)st.st_size, 0);
	if (got != (ssize_t)st.st_size)
		return -EIO;
	sb->filter_len = (unsigned short)((size_t)got /
	    sizeof(struct sock_filter));
	return 0;
}

static int
filter_compile(struct sandbox *sb)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = -ENOMEM;

	if (ctx == NULL)
		return rc;
	/* Another architecture's calls (i386, x32) end the process. */
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = filter_fill(ctx, sb->profile.read_only != NULL);
	if (rc == 0)
		rc = filter_export(ctx, sb);
	seccomp_release(ctx);
	return rc;
}

struct sandbox *
sandbox_new(const struct sandbox_profile *p, struct err *err)
{
	struct sandbox *sb = xcalloc(1, sizeof(*sb));
	int rc;

	sb->profile = *p;
	rc = filter_compile(sb);
	if (rc != 0) {
		err_sys(err, -rc, "cannot build the system call filter");
		sandbox_free(sb);
		return NULL;
	}
	return sb;
}

void
sandbox_free(struct sandbox *sb)
{
	if (sb == NULL)
		return;
	free(sb->filter);
	free(sb);
}

/* --- namespaces and the empty root --------------------------------------- */

/* What we learned on the way, for the message when a layer is missing. */
struct attempt {
	unsigned layers;
	const char *step; /* the step that failed */
	int sys;
};

static int
failed(struct attempt *a, const char *step)
{
	a->sys = errno;
	a->step = step;
	return -1;
}

static int
write_file(const char *path, const char *text)
{
	int fd CLEANUP(closep) = open(path, O_WRONLY | O_CLOEXEC);
	size_t n = strlen(text);

	return fd >= 0 && write(fd, text, n) == (ssize_t)n ? 0 : -1;
}

enum {
	NAMESPACES = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
};
enum {
	OUTSIDER = 65534
}; /* "nobody" */

/* Own namespaces as an ordinary user: inside a user namespace we may. */
static int
user_namespace(struct attempt *a)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char map[64];

	if (unshare(CLONE_NEWUSER | NAMESPACES) != 0)
		return failed(a, "user namespaces are not allowed here");
	str_fmt(map, sizeof(map), "%d %u 1", OUTSIDER, uid);
	if (write_file("/proc/self/setgroups", "deny") != 0 ||
	    write_file("/proc/self/uid_map", map) != 0)
		return failed(a, "cannot map the user of a user namespace");
	str_fmt(map, sizeof(map), "%d %u 1", OUTSIDER, gid);
	if (write_file("/proc/self/gid_map", map) != 0)
		return failed(a, "cannot map the group of a user namespace");
	return 0;
}

/* mkdir -p below the working directory; path is absolute. */
static int
make_dirs(const char *path)
{
	char part[256];

	for (size_t i = 1;; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		if (!str_copy(part, sizeof(part),
			(struct str){path + 1, i - 1}))
			return -1;
		if (mkdir(part, 0755) != 0 && errno != EEXIST)
			return -1;
		if (path[i] == '\0')
			return 0;
	}
}

/* A directory that stays visible. One that cannot be shown is left out:
 * fewer fonts, not fewer walls. */
static void
show_dir(const char *path)
{
	const unsigned long ro = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;

	if (access(path, R_OK | X_OK) != 0 || make_dirs(path) != 0 ||
	    mount(path, path + 1, NULL, MS_BIND | MS_REC, NULL) != 0)
		return;
	(void)mount(NULL, path + 1, NULL, MS_BIND | MS_REMOUNT | ro, NULL);
}

/* An own, empty, read-only root in our mount namespace. */
static int
empty_root(const struct sandbox_profile *p, struct attempt *a)
{
	static const char *const places[] = {"/tmp", "/run", "/var", "/usr"};
	const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
	size_t at = 0;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return failed(a, "cannot make the mounts private");
	/* Whoever we become walks through these folders to what is shown. */
	(void)umask(022);
	while (at < COUNT_OF(places) && access(places[at], F_OK) != 0)
		at++;
	if (at == COUNT_OF(places) ||
	    mount("none", places[at], "tmpfs", flags,
		"size=64k,nr_inodes=64,mode=755") != 0)
		return failed(a, "cannot mount an empty directory");
	if (chdir(places[at]) != 0)
		return failed(a, "cannot enter the empty directory");
	for (size_t i = 0; p->read_only != NULL && p->read_only[i] != NULL; i++)
		show_dir(p->read_only[i]);
	if (syscall(__NR_pivot_root, ".", ".") == 0) {
		if (umount2(".", MNT_DETACH) != 0)
			return failed(a, "cannot let go of the old root");
	} else if (mount(".", "/", NULL, MS_MOVE, NULL) != 0 ||
	    chroot(".") != 0) {
		return failed(a, "cannot change the root directory");
	}
	if (chdir("/") != 0 ||
	    mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | flags, NULL) != 0)
		return failed(a, "cannot make the root read-only");
	return 0;
}

/* Where a container allows root no namespaces: a root that is a deleted
 * directory, in which nothing can be made. */
static int
chroot_nowhere(struct attempt *a)
{
	char dir[64];
	char id[RND_ID_LEN + 1];

	rnd_id(id);
	str_fmt(dir, sizeof(dir), "/tmp/hearth-cell-%s", id);
	if (mkdir(dir, 0700) != 0)
		return failed(a, "cannot make an empty directory in /tmp");
	if (chdir(dir) == 0 && rmdir(dir) == 0 && chroot(".") == 0)
		return 0;
	/* The first reason is the better one for an ordinary user. */
	return a->step != NULL ? -1 : failed(a, "chroot is not allowed here");
}

/* Root directory and namespaces, by the strongest way that is allowed. */
static void
put_away(const struct sandbox_profile *p, struct attempt *a)
{
	bool own = false;

	if (geteuid() == 0)
		own = unshare(NAMESPACES) == 0;
	if (!own)
		own = user_namespace(a) == 0;
	if (own && empty_root(p, a) == 0)
		a->layers |= SANDBOX_NAMESPACES | SANDBOX_ROOT;
	else if (chroot_nowhere(a) == 0)
		a->layers |= SANDBOX_ROOT;
}

/* --- rights -------------------------------------------------------------- */

/* A user of its own for each cell of a service that runs as root: far outside
 * every range that is handed out; "nobody" where a container knows few ids. */
static int
become_nobody(void)
{
	uid_t own = 0x70000000u + (uid_t)(getpid() & 0x3fffff);

	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) != 0)
		return -1;
	if (setresgid(own, own, own) == 0)
		return setresuid(own, own, own);
	if (setresgid(OUTSIDER, OUTSIDER, OUTSIDER) != 0)
		return -1;
	return setresuid(OUTSIDER, OUTSIDER, OUTSIDER);
}

static void
drop_rights(struct attempt *a)
{
	struct __user_cap_header_struct head = {
	    .version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}, {0}};

	if (become_nobody() != 0) {
		failed(a, "cannot change to an unprivileged user");
		return;
	}
	if (syscall(__NR_capset, &head, none) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    /* A change of user or rights forgets this one. */
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
		failed(a, "cannot give up privileges");
		return;
	}
	a->layers |= SANDBOX_RIGHTS;
}

/* --- Landlock ------------------------------------------------------------ */

int
sandbox_landlock_abi(void)
{
	long abi = syscall(__NR_landlock_create_ruleset, NULL, 0,
	    LANDLOCK_VERSION_FLAG);

	return abi > 0 ? (int)abi : 0;
}

/* Everything that this version can forbid (linux/landlock.h). */
static struct landlock_attr
landlock_all(int abi, size_t *size)
{
	struct landlock_attr all = {.fs = (1u << 13) - 1};

	if (abi >= 2)
		all.fs |= 1u << 13; /* refer */
	if (abi >= 3)
		all.fs |= 1u << 14; /* truncate */
	if (abi >= 5)
		all.fs |= 1u << 15; /* ioctl on devices */
	if (abi >= 4)
		all.net = 3; /* bind and connect TCP */
	if (abi >= 6)
		all.scope = 3; /* abstract unix sockets, signals */
	*size = sizeof(uint64_t) * (abi >= 6 ? 3u : abi >= 4 ? 2u : 1u);
	return all;
}

static void
landlock_show(int rules, const char *path)
{
	int fd CLEANUP(closep) = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path rule = {.allowed = LANDLOCK_READ_FILE |
		LANDLOCK_READ_DIR,
	    .parent = fd};

	if (fd >= 0)
		(void)syscall(__NR_landlock_add_rule, rules,
		    LANDLOCK_PATH_BENEATH, &rule, 0);
}

static void
landlock_on(const struct sandbox_profile *p, struct attempt *a)
{
	int abi = sandbox_landlock_abi();
	size_t size;
	struct landlock_attr all = landlock_all(abi, &size);
	int rules CLEANUP(closep) = -1;

	if (abi > 0)
		rules = (int)syscall(__NR_landlock_create_ruleset, &all, size,
		    0);
	if (rules < 0) {
		failed(a,
		    "this kernel has no Landlock (Linux 5.13 with lsm=landlock)");
		return;
	}
	for (size_t i = 0; p->read_only != NULL && p->read_only[i] != NULL; i++)
		landlock_show(rules, p->read_only[i]);
	if (syscall(__NR_landlock_restrict_self, rules, 0) != 0) {
		failed(a, "Landlock refused the rules");
		return;
	}
	a->layers |= SANDBOX_LANDLOCK;
}

/* --- limits, filter ------------------------------------------------------ */

/* The enum type of glibc's first argument differs between C and C++. */
static int
limit(unsigned what, uint64_t soft, uint64_t hard)
{
	struct rlimit r = {.rlim_cur = soft, .rlim_max = hard};

	return (int)syscall(__NR_prlimit64, 0, what, &r, NULL);
}

static void
limits_on(const struct sandbox_profile *p, struct attempt *a)
{
	int rc = 0;

	(void)signal(SIGXFSZ, SIG_IGN);
	rc |= limit(RLIMIT_CORE, 0, 0);
	rc |= limit(RLIMIT_FSIZE, 0, 0);
	rc |= limit(RLIMIT_NPROC, 0, 0);
	rc |= limit(RLIMIT_MEMLOCK, 0, 0);
	rc |= limit(RLIMIT_MSGQUEUE, 0, 0);
	rc |= limit(RLIMIT_NOFILE, p->files, p->files);
	rc |= limit(RLIMIT_CPU, p->cpu_s, (uint64_t)p->cpu_s + 1);
	/* ASan reserves terabytes for its shadow. */
	if (!SANDBOX_ASAN && p->memory_bytes != 0)
		rc |= limit(RLIMIT_AS, p->memory_bytes, p->memory_bytes);
	if (rc != 0)
		failed(a, "cannot set resource limits");
	else
		a->layers |= SANDBOX_LIMITS;
}

static void
filter_on(const struct sandbox *sb, struct attempt *a)
{
	struct sock_fprog prog = {.len = sb->filter_len, .filter = sb->filter};

	if (syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) != 0)
		failed(a, "the kernel refused the system call filter");
	else
		a->layers |= SANDBOX_SECCOMP;
}

int
sandbox_enter(const struct sandbox *sb, unsigned *layers, struct err *err)
{
	struct attempt a = {0};
	const struct sandbox_profile *p = &sb->profile;
	pid_t parent = getppid();
	char missing[96];

	put_away(p, &a);
	drop_rights(&a);
	if (getppid() != parent)
		_exit(1); /* orphaned on the way: nobody waits for us */
	landlock_on(p, &a);
	limits_on(p, &a);
	filter_on(sb, &a);
	if (layers != NULL)
		*layers = a.layers;
	if ((a.layers & SANDBOX_MANDATORY) == SANDBOX_MANDATORY || p->degraded)
		return 0;
	sandbox_layers_text(SANDBOX_MANDATORY & ~a.layers, missing,
	    sizeof(missing));
	err_sys(err, a.sys, "%s", a.step != NULL ? a.step : "unknown");
	err_wrap(err, "documents are refused, the sandbox lacks: %s", missing);
	if (err != NULL)
		err->code = ERR_UNAVAILABLE;
	return -1;
}

const char *
sandbox_layers_text(unsigned layers, char *out, size_t cap)
{
	static const char *const names[] = {"limits", "root", "namespaces",
	    "rights", "landlock", "seccomp"};
	size_t n = 0;

	assert(cap > 0);
	out[0] = '\0';
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if ((layers & (1u << i)) == 0)
			continue;
		str_fmt(out + n, cap - n, "%s%s", n > 0 ? ", " : "", names[i]);
		n += strlen(out + n);
	}
	return out;
}
