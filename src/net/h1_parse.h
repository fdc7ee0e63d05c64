/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1.1 messages out of bytes: llhttp (without any lenient flag) plus the
 * rules it leaves to its user, so that no two readers can disagree about where
 * a message ends or what it asks for (RFC 9112, and 9110 for the fields).
 *
 * Heads are views of the bytes that were fed. When a head does not arrive
 * whole, the caller keeps its bytes in one place and says where they went
 * (h1_parse_moved); nothing is copied when it does.
 */
#ifndef NET_H1_PARSE_H
#define NET_H1_PARSE_H

#include <llhttp.h>

#include "net/http.h"

struct h1_events {
	/* In a head the fields are without framing and Connection's names. */
	void (*on_head)(void *owner, struct http_head *head);
	void (*on_body)(void *owner, const uint8_t *p, size_t n);
	/* The message is complete; trailers if there were any that its head had
	 * announced. Not after an upgrade, and not after a 1xx head. */
	void (*on_end)(void *owner, const struct http_field *f, size_t n);
};

enum h1_parse_state {
	H1P_IDLE,   /* between messages */
	H1P_HEAD,   /* in a head */
	H1P_BODY,   /* behind a head */
	H1P_DONE,   /* message complete; h1_parse_next() goes on */
	H1P_RAW,    /* another protocol follows */
	H1P_FAILED, /* status and why say what is wrong */
};

struct h1_parse {
	llhttp_t ll;
	const struct h1_events *ev;
	void *owner;
	struct http_field *fields; /* fields_max of them, while needed */
	size_t fields_max, bytes_max;
	const char *mark; /* the first byte that must be kept */
	struct str method, url;
	size_t n_fields;     /* of this head, or of the trailers */
	size_t total_fields; /* of both */
	size_t total_bytes;
	size_t overhead; /* chunk extensions */
	enum h1_parse_state state;
	bool request;
	bool in_name : 1;     /* the last span was a name */
	bool in_trailers : 1; /* behind the last chunk */
	bool no_body : 1;     /* client side: the request was HEAD */
	bool upgrade_ok : 1;  /* client side: we asked for one */
	bool raw : 1;         /* this head ends HTTP */
	bool interim : 1;     /* a 1xx head */
	bool keep_alive : 1;
	bool http10 : 1;
	bool absolute : 1; /* the target named an authority */
	int n_interim;
	int blank;  /* bytes of empty lines before this message */
	int status; /* what to answer when failed */
	const char *why;
	char *announced; /* names of trailers, from the head; owned */
};

void h1_parse_init(struct h1_parse *p, bool request, const struct h1_events *ev,
    void *owner);
/* The requests come from another hop of ours (HTTP_ADDED_MAX). */
void h1_parse_behind_us(struct h1_parse *p);
void h1_parse_fini(struct h1_parse *p);
/* Returns how many bytes were taken: all, unless the state became H1P_DONE,
 * H1P_RAW or H1P_FAILED. Afterwards, unless `mark` is NULL, the bytes from
 * there on must stay readable until the next call. */
size_t h1_parse_feed(struct h1_parse *p, const char *b, size_t n);
void h1_parse_next(struct h1_parse *p);
/* The bytes from `mark` on are now at `to`. */
void h1_parse_moved(struct h1_parse *p, const char *to);
/* The peer sends no more. True when that ends the message well. */
bool h1_parse_eof(struct h1_parse *p);
/* Gives memory back while idle. */
void h1_parse_tidy(struct h1_parse *p);

#endif
