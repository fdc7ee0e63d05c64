/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The default store: one SQLite file in WAL mode, synchronous=FULL (a commit
 * is on disk when it returns), no memory map (an I/O error then is an error
 * and not a SIGBUS), an exclusive lock so that nobody else opens the file.
 * All text goes in through bound parameters.
 *
 * The file says whose it is (application_id) and which form it has
 * (user_version = the number of the last migration).
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/backend.h"

enum {
	APPLICATION_ID = 0x48727468
}; /* "Hrth" */

enum {
	SQL_PUT_WORKER,
	SQL_DEL_WORKER,
	SQL_ASSIGN,
	SQL_PROBE,
	SQL_BEGIN,
	SQL_COMMIT,
	SQL_ROLLBACK,
	SQL__COUNT
};

static const char *const sql[SQL__COUNT] = {
    [SQL_PUT_WORKER] = ("INSERT OR REPLACE INTO worker VALUES"
			" (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)"),
    [SQL_DEL_WORKER] = "DELETE FROM worker WHERE id = ?1",
    [SQL_ASSIGN] = "UPDATE worker SET assigned = ?2 WHERE id = ?1",
    [SQL_PROBE] = "INSERT OR REPLACE INTO meta VALUES ('probe', ?1)",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
};

struct sqlite {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *stmt[SQL__COUNT];
	uint64_t probes;
};

static const struct {
	int number;
	const char *sql;
} migrations[] = {
#define MIGRATION(number, text) {number, text},
#include "store/migrations.def"
#undef MIGRATION
};

/* SQLite's complaint as a sentence for people. */
static int
db_err(const struct sqlite *s, const char *what, struct err *err)
{
	switch (sqlite3_errcode(s->db) & 0xff) {
	case SQLITE_FULL:
		return err_set(err, ERR_IO,
		    "%s '%s': the disk is full; free some space", what,
		    s->path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return err_set(err, ERR_CORRUPT,
		    "%s '%s': the file is damaged (%s); move it away, and the "
		    "workers will register anew",
		    what, s->path, sqlite3_errmsg(s->db));
	case SQLITE_READONLY:
	case SQLITE_CANTOPEN:
	case SQLITE_PERM:
		return err_set(err, ERR_IO,
		    "%s '%s': no right to write there; make the folder "
		    "writable or choose another with --data",
		    what, s->path);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_CONFLICT,
		    "%s '%s': another process has it open; stop it or choose "
		    "another folder with --data",
		    what, s->path);
	default:
		return err_set(err, ERR_IO, "%s '%s': %s", what, s->path,
		    sqlite3_errmsg(s->db));
	}
}

static int
run_sql(struct sqlite *s, const char *text, const char *what, struct err *err)
{
	if (sqlite3_exec(s->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return db_err(s, what, err);
	return 0;
}

static int
ask_int(struct sqlite *s, const char *text, int64_t *out, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, text, -1, &q, NULL);

	if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW) {
		*out = sqlite3_column_int64(q, 0);
		(void)sqlite3_finalize(q);
		return 0;
	}
	(void)db_err(s, "read", err);
	(void)sqlite3_finalize(q);
	return -1;
}

static int
check_whole(struct sqlite *s, struct err *err)
{
	sqlite3_stmt *q = NULL;
	const char *answer;
	int rc = 0;

	if (sqlite3_prepare_v2(s->db, "PRAGMA quick_check(1)", -1, &q, NULL) !=
		SQLITE_OK ||
	    sqlite3_step(q) != SQLITE_ROW) {
		rc = db_err(s, "check", err);
	} else {
		answer = (const char *)sqlite3_column_text(q, 0);
		if (answer == NULL || !str_eqz(str_of(answer), "ok"))
			rc = err_set(err, ERR_CORRUPT,
			    "check '%s': the file is damaged (%.100s); move it "
			    "away, and the workers will register anew",
			    s->path, answer != NULL ? answer : "no answer");
	}
	(void)sqlite3_finalize(q);
	return rc;
}

static int
migrate(struct sqlite *s, int64_t from, struct err *err)
{
	for (size_t i = 0; i < COUNT_OF(migrations); i++) {
		CLEANUP(freep) char *text = NULL;

		if (migrations[i].number <= from)
			continue;
		text = xasprintf("BEGIN IMMEDIATE; %s PRAGMA application_id ="
				 " %d; PRAGMA user_version = %d; COMMIT",
		    migrations[i].sql, APPLICATION_ID, migrations[i].number);
		if (run_sql(s, text, "bring to the newest form", err) < 0) {
			(void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
			return -1;
		}
	}
	return 0;
}

/* Whose file is it, and can we read it? */
static int
check_form(struct sqlite *s, struct err *err)
{
	int newest = migrations[COUNT_OF(migrations) - 1].number;
	int64_t app, version, tables;

	if (ask_int(s, "PRAGMA application_id", &app, err) < 0 ||
	    ask_int(s, "PRAGMA user_version", &version, err) < 0 ||
	    ask_int(s, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
		return -1;
	if (app != APPLICATION_ID && (app != 0 || version != 0 || tables != 0))
		return err_set(err, ERR_CONFLICT,
		    "'%s' is a database of another program; choose another "
		    "folder with --data",
		    s->path);
	if (version > newest)
		return err_set(err, ERR_CONFLICT,
		    "'%s' was written by a newer Hearth (form %lld, this one "
		    "knows up to %d); use that version, or another folder "
		    "with --data",
		    s->path, (long long)version, newest);
	if (tables != 0 && check_whole(s, err) < 0)
		return -1;
	return migrate(s, version, err);
}

static int
prepare_all(struct sqlite *s, struct err *err)
{
	for (size_t i = 0; i < SQL__COUNT; i++) {
		if (sqlite3_prepare_v3(s->db, sql[i], -1,
			SQLITE_PREPARE_PERSISTENT, &s->stmt[i],
			NULL) != SQLITE_OK)
			return db_err(s, "prepare", err);
	}
	return 0;
}

static void
sqlite_close(void *db)
{
	struct sqlite *s = db;

	for (size_t i = 0; i < SQL__COUNT; i++)
		(void)sqlite3_finalize(s->stmt[i]);
	(void)sqlite3_close(s->db);
	free(s->path);
	free(s);
}

static void *
sqlite_open(const char *url, struct err *err)
{
	/* Two MiB of cache at most; the log is folded back in at 1,000 pages
	 * of 4 KiB, by this connection. */
	static const char setup[] =
	    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
	    "PRAGMA synchronous = FULL; PRAGMA mmap_size = 0;"
	    "PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 1000;"
	    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF";
	struct sqlite *s = xcalloc(1, sizeof *s);
	struct stat st;

	s->path = xstrdup(url);
	if (stat(url, &st) == 0 && !S_ISREG(st.st_mode)) {
		(void)err_set(err, ERR_IO, "'%s' is not a file", url);
		goto fail;
	}
	if (sqlite3_open_v2(url, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
		NULL) != SQLITE_OK) {
		(void)db_err(s, "open", err);
		goto fail;
	}
	(void)sqlite3_busy_timeout(s->db, 2000);
	(void)sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (run_sql(s, setup, "open", err) < 0 || check_form(s, err) < 0 ||
	    prepare_all(s, err) < 0)
		goto fail;
	return s;
fail:
	sqlite_close(s);
	return NULL;
}

static struct str
column(sqlite3_stmt *q, int i)
{
	const void *p = sqlite3_column_text(q, i);

	return (struct str){p, (size_t)sqlite3_column_bytes(q, i)};
}

static int
load_workers(struct sqlite *s, const struct store_load *to, struct err *err)
{
	sqlite3_stmt *q = NULL;
	int rc = sqlite3_prepare_v2(s->db, "SELECT * FROM worker ORDER BY id",
	    -1, &q, NULL);

	while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
		struct row_worker r = {.id = column(q, 0),
		    .url = column(q, 1),
		    .capabilities = column(q, 2),
		    .services = column(q, 3),
		    .containers = column(q, 4),
		    .version = column(q, 5),
		    .link = sqlite3_column_int(q, 6) != 0,
		    .epoch = (uint64_t)sqlite3_column_int64(q, 7),
		    .assigned = (uint32_t)sqlite3_column_int64(q, 8),
		    .registered_wall_ms = sqlite3_column_int64(q, 9),
		    .seen_wall_ms = sqlite3_column_int64(q, 10)};

		to->on_worker(to->arg, &r);
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_DONE)
		rc = db_err(s, "read", err);
	else
		rc = 0;
	(void)sqlite3_finalize(q);
	return rc;
}

static int
sqlite_load(void *db, const struct store_load *to, struct err *err)
{
	return load_workers(db, to, err);
}

static int
step(struct sqlite *s, sqlite3_stmt *q, struct err *err)
{
	int rc = sqlite3_step(q), out = 0;

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		out = db_err(s, "write", err);
	(void)sqlite3_reset(q);
	return out;
}

static int
sqlite_begin(void *db, struct err *err)
{
	struct sqlite *s = db;

	return step(s, s->stmt[SQL_BEGIN], err);
}

static int
sqlite_commit(void *db, struct err *err)
{
	struct sqlite *s = db;

	return step(s, s->stmt[SQL_COMMIT], err);
}

static void
sqlite_rollback(void *db)
{
	struct sqlite *s = db;

	if (sqlite3_get_autocommit(s->db) == 0)
		(void)step(s, s->stmt[SQL_ROLLBACK], NULL);
}

static void
text(sqlite3_stmt *q, int i, struct str s)
{
	(void)sqlite3_bind_text(q, i, s.p != NULL ? s.p : "", (int)s.n,
	    SQLITE_STATIC);
}

static void
bind_worker(sqlite3_stmt *q, const struct row_worker *r)
{
	text(q, 1, r->id);
	text(q, 2, r->url);
	text(q, 3, r->capabilities);
	text(q, 4, r->services);
	text(q, 5, r->containers);
	text(q, 6, r->version);
	(void)sqlite3_bind_int(q, 7, r->link);
	(void)sqlite3_bind_int64(q, 8, (sqlite3_int64)r->epoch);
	(void)sqlite3_bind_int64(q, 9, r->assigned);
	(void)sqlite3_bind_int64(q, 10, r->registered_wall_ms);
	(void)sqlite3_bind_int64(q, 11, r->seen_wall_ms);
}

static int
sqlite_apply(void *db, const struct store_op *op, struct err *err)
{
	struct sqlite *s = db;
	sqlite3_stmt *q = NULL;

	switch (op->kind) {
	case STORE_PUT_WORKER:
		q = s->stmt[SQL_PUT_WORKER];
		bind_worker(q, &op->worker);
		break;
	case STORE_DEL_WORKER:
		q = s->stmt[SQL_DEL_WORKER];
		text(q, 1, op->worker.id);
		break;
	case STORE_SET_ASSIGNED:
		q = s->stmt[SQL_ASSIGN];
		text(q, 1, op->worker.id);
		(void)sqlite3_bind_int64(q, 2, op->worker.assigned);
		break;
	case STORE_PROBE:
	default:
		q = s->stmt[SQL_PROBE];
		(void)sqlite3_bind_int64(q, 1, (sqlite3_int64)++s->probes);
		break;
	}
	return step(s, q, err);
}

const struct store_backend store_sqlite = {
    .scheme = "",
    .open = sqlite_open,
    .load = sqlite_load,
    .begin = sqlite_begin,
    .apply = sqlite_apply,
    .commit = sqlite_commit,
    .rollback = sqlite_rollback,
    .close = sqlite_close,
};
