/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read, ocr: files in, text out. Each file is sent to the coordinator, which
 * hands it to a worker; the answer goes to standard output or into a folder.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
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

/* A file as memory; unmapped with file_unmap(). */
static int
file_map(const char *path, struct str *out, struct err *err)
{
	int fd CLEANUP(closep) = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p;

	*out = (struct str){NULL, 0};
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a file", path);
	if (st.st_size == 0)
		return err_set(err, ERR_EMPTY, "'%s' is empty", path);
	if (st.st_size > FILE_MAX_BYTES)
		return err_set(err, ERR_TOO_BIG,
		    "'%s' is larger than the %d MiB that one document may have",
		    path, FILE_MAX_BYTES / (1024 * 1024));
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return err_sys(err, errno, "cannot map '%s'", path);
	*out = (struct str){p, (size_t)st.st_size};
	return 0;
}

static void
file_unmap(struct str s)
{
	if (s.p != NULL)
		(void)munmap((void *)(uintptr_t)s.p, s.n);
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
	} formats[] = {{"text", ".txt"}, {"markdown", ".md"}, {"hocr", ".hocr"},
	    {"pdf", ".pdf"}, {"json", ".json"}};
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
		job->target = arena_fmt(&r->conf->arena,
		    "/service/vision-ocr/process?format=%s%s%s%s%s", format,
		    pages != NULL ? "&pages=" : "", pages_z,
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
	if (out == stdout && text.n != 0 && text.p[text.n - 1] != '\n')
		return write_all(out, STR("\n"), path, err);
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
		return put_answer(job, answer, stdout, "standard output", err);
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
	struct buf answer = BUF_INIT(ANSWER_MAX_BYTES);
	int rc;

	if (file_map(path, &send.body, err) < 0)
		return -1;
	rc = client_call(c, &send, &answer, err);
	if (rc == 0)
		rc = put_file(r, job, buf_view(&answer), path, err);
	file_unmap(send.body);
	buf_fini(&answer);
	return rc;
}

/* --- all files ------------------------------------------------------------------- */

/* Only for people: several files, results not on the same terminal. */
static void
progress(const struct cmd_run *r, int done, const char *name)
{
	enum {
		WIDTH = 24
	};
	int filled = done * WIDTH / r->argc;
	bool watched = isatty(STDERR_FILENO) != 0 &&
	    (cmd_opt(r, "out") != NULL || isatty(STDOUT_FILENO) == 0);

	if (r->argc < 2 || !watched)
		return;
	(void)fprintf(stderr, "\r\033[K[%.*s%.*s] %d of %d  %s", filled,
	    "########################", WIDTH - filled,
	    "........................", done, r->argc, name);
	if (done == r->argc)
		(void)fputc('\n', stderr);
}

static int
all_files(struct cmd_run *r, const struct job *job, struct err *err)
{
	struct client c;
	int failed = 0;

	if (client_open(&c, r->conf, cmd_opt(r, "url"), err) < 0)
		return -1;
	for (int i = 0; i < r->argc; i++) {
		struct err why = {0};

		progress(r, i, r->argv[i]);
		if (r->argc > 1 && cmd_opt(r, "out") == NULL &&
		    job->field != NULL)
			(void)printf("%s==> %s <==\n", i > 0 ? "\n" : "",
			    r->argv[i]);
		if (one_file(r, &c, job, r->argv[i], &why) == 0)
			continue;
		(void)fprintf(stderr, "hearth %s: %s: %s\n", r->cmd->name,
		    r->argv[i], why.msg);
		failed++;
	}
	progress(r, r->argc, "");
	return failed == 0 ? CMD_OK : CMD_FAILED;
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
		return -1;
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
