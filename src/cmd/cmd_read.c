/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read, ocr: files in, text out. Each file is sent to the coordinator, which
 * hands it to a worker; the answer goes to standard output or into a folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "cmd/client.h"
#include "cmd/cmd.h"

enum {
	FILE_MAX_BYTES = 200 * 1024 * 1024,
	ANSWER_MAX_BYTES = 256 * 1024 * 1024,
	TIMEOUT_MS = 30 * 60 * 1000,
};

static const struct opt options[] = {
    CLIENT_OPTS,
    {"text", 't', NULL, "plain text instead of Markdown"},
    {"out", 'o', "DIR", "write FILE.md (or .txt, .json, ...) into DIR"},
};

static const struct opt ocr_options[] = {
    CLIENT_OPTS,
    {"format", 'f', "FORM", "text (default), markdown, hocr or pdf"},
    {"out", 'o', "DIR", "write FILE.txt (or .md, .hocr, .pdf) into DIR"},
    {"pages", 'p', "RANGE", "only these pages: 3 or 1-5"},
    {"lang", 'l', "LANG", "language of the text: eng"},
};

/* Opened without waiting, as a pipe may have nobody at its other end. */
static int
file_open(const char *path, struct stat *st, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || fstat(fd, st) < 0)
		err_sys(err, errno, "cannot read it");
	else if (S_ISDIR(st->st_mode))
		err_set(err, ERR_INVALID, "it is a folder, not a file");
	else if (!S_ISREG(st->st_mode))
		err_set(err, ERR_INVALID, "it is not an ordinary file");
	else if (st->st_size == 0)
		err_set(err, ERR_EMPTY, "it is empty");
	else if (st->st_size > FILE_MAX_BYTES)
		err_set(err, ERR_TOO_BIG,
		    "it is larger than the %d MiB that one document may have",
		    FILE_MAX_BYTES / (1024 * 1024));
	else
		return fd;
	closep(&fd);
	return -1;
}

/* Appends a file's bytes, not mapped: it may shrink meanwhile. The caller
 * names the file in front of the error. */
static int
file_read(const char *path, struct buf *out, struct err *err)
{
	struct stat st;
	int fd CLEANUP(closep) = file_open(path, &st, err);
	size_t left = fd >= 0 ? (size_t)st.st_size : 0;
	char *to = buf_room(out, left);

	if (fd < 0)
		return -1;
	while (left > 0) {
		ssize_t n = read(fd, to, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "cannot read it");
		if (n == 0)
			return err_set(err, ERR_CONFLICT,
			    "it became shorter while it was read");
		to += n;
		left -= (size_t)n;
	}
	buf_grew(out, (size_t)st.st_size);
	return 0;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* --- what to ask for ---------------------------------------------------------- */

struct job {
	const char *target;
	const char *field;  /* of the answer to print; NULL = all of it */
	const char *suffix; /* of files in --out */
};

static int
read_job(const struct cmd_run *r, struct job *job, struct err *err UNUSED)
{
	bool text = cmd_opt(r, "text") != NULL;

	*job = (struct job){"/service/document-processing/process",
	    text ? "text" : "markdown", text ? ".txt" : ".md"};
	if (cmd_opt(r, "json") != NULL)
		*job = (struct job){job->target, NULL, ".json"};
	return 0;
}

static int
ocr_job(struct cmd_run *r, struct job *job, struct err *err)
{
	static const struct {
		const char *format, *suffix;
		/* Plain text is taken out of the JSON answer, which tells the
		 * pages that are missing from it. */
		const char *asked, *field;
	} formats[] = {{"text", ".txt", "json", "text"},
	    {"markdown", ".md", "markdown", NULL},
	    {"hocr", ".hocr", "hocr", NULL}, {"pdf", ".pdf", "pdf", NULL},
	    {"json", ".json", "json", NULL}};
	const char *format = cmd_opt(r, "format");
	const char *pages = cmd_opt(r, "pages");
	const char *lang = cmd_opt(r, "lang");

	if (cmd_opt(r, "json") != NULL)
		format = "json";
	if (format == NULL)
		format = "text";
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		char *pages_z CLEANUP(freep) = client_escape(
		    str_of(pages != NULL ? pages : ""));
		char *lang_z CLEANUP(freep) = client_escape(
		    str_of(lang != NULL ? lang : ""));

		if (strcmp(format, formats[i].format) != 0)
			continue;
		job->suffix = formats[i].suffix;
		job->field = formats[i].field;
		job->target = arena_fmt(&r->conf->arena,
		    "/service/vision-ocr/process?format=%s%s%s%s%s",
		    formats[i].asked, pages != NULL ? "&pages=" : "", pages_z,
		    lang != NULL ? "&lang=" : "", lang_z);
		return 0;
	}
	return err_set(err, ERR_INVALID,
	    "'%s' is no format: text, markdown, hocr, pdf or json", format);
}

/* --- one file ------------------------------------------------------------------ */

static int
write_all(FILE *out, struct str s, const char *path, struct err *err)
{
	if (fwrite(s.p, 1, s.n, out) != s.n || fflush(out) != 0)
		return err_sys(err, errno, "cannot write '%s'", path);
	return 0;
}

/* Pages that are missing from the text. A blank one is not. */
static int
tell_unread(const struct json_val *root, struct err *err)
{
	const struct json_val *pages = NULL;
	struct json_fault f = {0};
	struct json_iter it;
	struct str first = STR("");
	int64_t number = 0;
	int n = 0;

	(void)json_arr(root, "page_details", JSON_OPTIONAL, &pages, &f);
	for (it = json_iter(pages); json_next(&it);) {
		struct str why = STR("");

		(void)json_str(it.val, "error", JSON_OPTIONAL, &why, &f);
		if (why.n == 0 || str_eqz(why, "blank page"))
			continue;
		if (n++ == 0) {
			first = why;
			(void)json_i64(it.val, "page", JSON_OPTIONAL, &number,
			    &f);
		}
	}
	if (n == 0)
		return 0;
	return err_set(err, ERR_CORRUPT,
	    "%d page%s could not be read; page %lld: %.*s", n, n > 1 ? "s" : "",
	    (long long)number, STR_ARG(first));
}

static int
put_answer(const struct job *job, struct str answer, FILE *out,
    const char *path, struct err *err)
{
	struct json *j CLEANUP(json_freep) = NULL;
	struct json_fault f = {0};
	struct str text = answer;

	if (job->field != NULL) {
		j = json_parse(answer, ANSWER_MAX_BYTES, err);
		if (j == NULL)
			return -1;
		if (!json_str(json_root(j), job->field, JSON_REQUIRED, &text,
			&f))
			return json_fault_err(&f, err);
	}
	if (write_all(out, text, path, err) < 0)
		return -1;
	if (out == stdout && text.n != 0 && text.p[text.n - 1] != '\n' &&
	    write_all(out, STR("\n"), path, err) < 0)
		return -1;
	return j != NULL ? tell_unread(json_root(j), err) : 0;
}

/* With several files each text says where it is from. */
static int
put_stdout(const struct cmd_run *r, const struct job *job, struct str answer,
    const char *name, struct err *err)
{
	if (r->argc > 1 && job->field != NULL) {
		(void)fputs("==> ", stdout);
		cmd_put(stdout, str_of(name));
		(void)fputs(" <==\n", stdout);
	}
	if (put_answer(job, answer, stdout, "standard output", err) < 0)
		return -1;
	if (r->argc > 1 && job->field != NULL)
		return write_all(stdout, STR("\n"), "standard output", err);
	return 0;
}

static int
put_file(const struct cmd_run *r, const struct job *job, struct str answer,
    const char *name, struct err *err)
{
	const char *dir = cmd_opt(r, "out");
	char *path CLEANUP(freep) = NULL;
	FILE *out;
	int rc;

	if (dir == NULL)
		return put_stdout(r, job, answer, name, err);
	path = xasprintf("%s/%s%s", dir, base_name(name), job->suffix);
	out = fopen(path, "we");
	if (out == NULL)
		return err_sys(err, errno, "cannot write '%s'", path);
	rc = put_answer(job, answer, out, path, err);
	if (fclose(out) != 0 && rc == 0)
		rc = err_sys(err, errno, "cannot write '%s'", path);
	return rc;
}

static int
one_file(const struct cmd_run *r, const struct client *c, const struct job *job,
    const char *path, struct err *err)
{
	struct client_send send = {
	    .method = "POST",
	    .target = job->target,
	    .type = "application/octet-stream",
	    .name = base_name(path),
	    .timeout_ms = TIMEOUT_MS,
	};
	struct buf body = BUF_INIT(FILE_MAX_BYTES);
	struct buf answer = BUF_INIT(ANSWER_MAX_BYTES);
	int rc;

	rc = file_read(path, &body, err);
	send.body = buf_view(&body);
	if (rc == 0)
		rc = client_call(c, &send, &answer, err);
	buf_fini(&body);
	if (rc == 0)
		rc = put_file(r, job, buf_view(&answer), path, err);
	buf_fini(&answer);
	return rc;
}

/* --- all files ------------------------------------------------------------------- */

/* Only for people: several files, results not on the same terminal. */
static bool
is_watched(const struct cmd_run *r)
{
	return r->argc > 1 && isatty(STDERR_FILENO) != 0 &&
	    (cmd_opt(r, "out") != NULL || isatty(STDOUT_FILENO) == 0);
}

static void
progress(const struct cmd_run *r, int done, const char *name)
{
	enum {
		WIDTH = 24
	};
	int filled = done * WIDTH / r->argc;

	if (!is_watched(r))
		return;
	(void)fprintf(stderr, "\r\033[K[%.*s%.*s] %d of %d  %s", filled,
	    "########################", WIDTH - filled,
	    "........................", done, r->argc, name);
	if (done == r->argc)
		(void)fputc('\n', stderr);
}

/* Before anything is read: a folder to write into, and no result that would
 * overwrite another's. */
static int
check_out(const struct cmd_run *r, struct err *err)
{
	const char *dir = cmd_opt(r, "out");
	struct stat st;

	if (dir == NULL)
		return 0;
	if (stat(dir, &st) < 0)
		return err_sys(err, errno, "cannot write into '%s'", dir);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a folder", dir);
	for (int i = 0; i < r->argc; i++) {
		for (int k = 0; k < i; k++) {
			if (strcmp(base_name(r->argv[i]),
				base_name(r->argv[k])) == 0)
				return err_set(err, ERR_CONFLICT,
				    "'%s' and '%s' would be written to the "
				    "same file in '%s'",
				    r->argv[k], r->argv[i], dir);
		}
	}
	return 0;
}

/* "Try again later" only where that may help with every file that failed. */
static int
worse(int status, enum err_code code)
{
	int this = cmd_status_of(code);

	return status == CMD_OK || this == CMD_FAILED ? this : status;
}

static void
say_failed(const struct cmd_run *r, const char *file, const struct err *why)
{
	(void)fprintf(stderr, "%shearth %s: ", is_watched(r) ? "\r\033[K" : "",
	    r->cmd->name);
	cmd_put(stderr, str_of(file));
	(void)fputs(": ", stderr);
	cmd_put(stderr, str_of(why->msg));
	(void)fputc('\n', stderr);
}

static int
all_files(struct cmd_run *r, const struct job *job, struct err *err)
{
	struct client c;
	int status = CMD_OK;

	if (check_out(r, err) < 0 ||
	    client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0)
		return -1;
	for (int i = 0; i < r->argc; i++) {
		struct err why = {0};

		progress(r, i, r->argv[i]);
		if (one_file(r, &c, job, r->argv[i], &why) == 0)
			continue;
		say_failed(r, r->argv[i], &why);
		status = worse(status, why.code);
	}
	progress(r, r->argc, "");
	return status;
}

static int
read_run(struct cmd_run *r, struct err *err)
{
	struct job job = {0};

	if (read_job(r, &job, err) < 0)
		return -1;
	return all_files(r, &job, err);
}

static int
ocr_run(struct cmd_run *r, struct err *err)
{
	struct job job = {0};

	if (ocr_job(r, &job, err) < 0)
		return CMD_USAGE;
	return all_files(r, &job, err);
}

const struct cmd cmd_read = {
    .name = "read",
    .args = "FILE...",
    .about = "Reads documents (PDF, Word, OpenDocument, HTML, mail, sheets, "
	     "slides, text,\nscans and photos) and prints them as Markdown.",
    .min_args = 1,
    .max_args = -1,
    .opts = options,
    .n_opts = COUNT_OF(options),
    .run = read_run,
};

const struct cmd cmd_ocr = {
    .name = "ocr",
    .args = "FILE...",
    .about = "Reads the text in images and scanned PDFs, whatever text layer "
	     "they have.",
    .min_args = 1,
    .max_args = -1,
    .opts = ocr_options,
    .n_opts = COUNT_OF(ocr_options),
    .run = ocr_run,
};
