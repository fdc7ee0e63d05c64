/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doc-dump FILE [md|text|meta]: reads one document without a sandbox and
 * prints it; for looking at what a reader makes of a file, never for files
 * from strangers. Exit status 1 and "code: message" on an error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/doc.h"

static int
map_file(const char *path, struct doc_in *in)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *name = strrchr(path, '/');

	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	in->name = str_of(name != NULL ? name + 1 : path);
	in->n = (size_t)st.st_size;
	in->limits = &doc_default_limits;
	if (in->n != 0) {
		void *p = mmap(NULL, in->n, PROT_READ, MAP_PRIVATE, fd, 0);

		if (p == MAP_FAILED)
			return -1;
		in->p = p;
	}
	(void)close(fd);
	return 0;
}

static void
print_meta(const struct doc *d)
{
	struct str key, value;
	struct doc_page_info page;

	for (size_t i = 0; doc_meta_at(d, i, &key, &value); i++)
		(void)printf("%.*s: %.*s\n", STR_ARG(key), STR_ARG(value));
	for (size_t i = 0; i < doc_pages(d); i++) {
		doc_page_info(d, i, &page);
		(void)printf("page %u: method %d confidence %.3f %.*s\n",
		    page.number, (int)page.method, page.confidence,
		    STR_ARG(page.problem));
	}
}

static int
print_doc(const struct doc *d, const char *how)
{
	struct buf out = BUF_INIT((size_t)256 << 20);
	bool md = strcmp(how, "md") == 0;
	bool ok = md ? doc_markdown(d, 0, &out) : doc_plain(d, 0, &out);

	if (strcmp(how, "meta") == 0)
		print_meta(d);
	else if (ok && out.n != 0)
		(void)fwrite(out.p, 1, out.n, stdout);
	buf_fini(&out);
	return ok ? 0 : 1;
}

int
main(int argc, char **argv)
{
	struct doc_in in = {0};
	struct err err = {0};
	const struct doc_format *f;
	struct doc *d;
	int rc = 1;

	if (argc < 2 || map_file(argv[1], &in) != 0) {
		(void)fprintf(stderr, "usage: doc-dump FILE [md|text|meta]\n");
		return 2;
	}
	d = doc_new(in.limits);
	f = doc_sniff(&in, &err);
	if (f != NULL && f->read(&in, d, &err) == 0 && doc_failed(d, &err) == 0)
		rc = print_doc(d, argc > 2 ? argv[2] : "md");
	else
		(void)fprintf(stderr, "%s: %s\n", err_wire(err.code), err.msg);
	doc_free(d);
	if (in.p != NULL)
		(void)munmap((void *)(uintptr_t)in.p, in.n);
	return rc;
}
