/* SPDX-License-Identifier: Apache-2.0 */
/* Reporting to a coordinator that this test plays. */
#include "unit/unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "net/httpd.h"
#include "net/loop.h"
#include "worker/detect.h"
#include "worker/load.h"
#include "worker/report.h"

extern const struct CMUnitTest report_tests[];
extern const size_t report_tests_count;

enum {
	LIMIT_MS = 20000
};

struct bench {
	struct loop *loop;
	struct timer limit;
	struct httpd *httpd;
	struct addr at;
	struct report *report;
	struct report_conf conf;
	char shown[64];
	char log[1024];       /* one word per request */
	const char *wait_for; /* stop the loop when the log ends so */
	bool forget;          /* answer the next heartbeat with 404 */
	int fail;             /* answer so many registrations with 503 */
	unsigned assigned;
	bool gone;
};

static void
note(struct bench *b, const char *word)
{
	size_t n = strlen(b->log);

	(void)snprintf(b->log + n, sizeof b->log - n, "%s ", word);
	if (b->wait_for != NULL && str_ends(str_of(b->log), b->wait_for))
		loop_stop(b->loop);
}

static void
answer(struct stream *s, int status, const char *body)
{
	reply_bytes(s, status, "application/json", NULL, 0, str_of(body));
}

static void
on_body(void *owner, struct stream *s, struct str body, const struct err *why)
{
	struct bench *b = owner;
	struct json *j = json_parse(body, 1 << 20, NULL);
	struct json_fault f = {0};
	struct wire_register reg;
	struct wire_heartbeat beat;

	assert_null(why);
	assert_non_null(j);
	if (json_get(json_root(j), "capabilities") == NULL) {
		assert_int_equal(wire_heartbeat_read(json_root(j), &beat, &f),
		    0);
		if (b->forget)
			answer(s, 404, "{\"detail\":\"Worker not found\"}");
		else
			answer(s, 200, "{\"status\":\"ok\"}");
		note(b, b->forget ? "unknown" : "beat");
		b->forget = false;
	} else {
		assert_int_equal(wire_register_read(json_root(j), &reg, &f), 0);
		assert_true(reg.link);
		assert_true(reg.epoch == 7);
		if (b->fail > 0)
			answer(s, 503, "{\"detail\":\"starting\"}");
		else
			answer(s, 200,
			    "{\"status\":\"registered\",\"worker_id\":\"w1\","
			    "\"assigned_services\":[\"ocr\",\"ner\"],"
			    "\"heartbeat_interval_seconds\":1}");
		note(b, b->fail-- > 0 ? "busy" : "register");
	}
	json_free(j);
}

static void
on_request(void *owner, struct stream *s, const struct http_head *head)
{
	struct bench *b = owner;

	if (str_eqz(head->method, "DELETE")) {
		assert_true(str_eqz(head->target, "/api/worker/unregister/w1"));
		reply_bytes(s, 200, "application/json", NULL, 0,
		    STR("{\"status\":\"ok\"}"));
		note(b, "leave");
		return;
	}
	body_collect(s, head, 1 << 20, on_body, b);
}

static void
listen_at(struct bench *b)
{
	struct httpd_conf conf = {.on_request = on_request, .owner = b};
	struct err err = {0};

	b->httpd = httpd_new(b->loop, &b->at, &conf, &err);
	if (b->httpd == NULL)
		fail_msg("%s", err.msg);
	b->at = *httpd_addr(b->httpd);
}

static void
capabilities(void *owner UNUSED, struct jsonw *w)
{
	jsonw_kz(w, "worker_type", "cpu");
}

static void
beat(void *owner UNUSED, struct wire_heartbeat_out *out)
{
	out->current_load = 0.5;
}

static void
on_assigned(void *owner, const struct wire_registered *r,
    const struct addr *at UNUSED)
{
	struct bench *b = owner;

	assert_true(r->assigned ==
	    (SERVICE_BIT(SERVICE_OCR) | SERVICE_BIT(SERVICE_NER)));
	b->assigned++;
}

static void
too_long(void *arg)
{
	struct bench *b = arg;

	fail_msg("waited too long: %s", b->log);
}

static void
bench_init(struct bench *b)
{
	struct err err = {0};

	*b = (struct bench){.loop = loop_new()};
	log_setup(LOG_FORM_HUMAN, LOG_LEVEL_ERROR);
	timer_init(&b->limit, b->loop, too_long, b);
	timer_set(&b->limit, LIMIT_MS);
	assert_int_equal(addr_parse(STR("127.0.0.1:0"), &b->at, &err), 0);
	listen_at(b);
	(void)snprintf(b->shown, sizeof b->shown, "http://localhost:%u",
	    addr_port(&b->at));
	b->conf = (struct report_conf){
	    .shown = b->shown,
	    .worker_id = "w1",
	    .tunnel_url = "",
	    .epoch = 7,
	    .version = "0",
	    .capabilities = capabilities,
	    .beat = beat,
	    .on_assigned = on_assigned,
	    .owner = b,
	};
	assert_int_equal(url_parse(str_of(b->shown), &b->conf.url, &err), 0);
	b->report = report_new(b->loop, &b->conf);
}

static void
closed(void *arg)
{
	struct bench *b = arg;

	b->httpd = NULL;
	loop_stop(b->loop);
}

static void
stop_listening(struct bench *b)
{
	httpd_close(b->httpd, 0, closed, b);
	loop_run(b->loop);
}

static void
bench_fini(struct bench *b)
{
	report_free(b->report);
	stop_listening(b);
	timer_clear(&b->limit);
	loop_free(b->loop);
}

static void
run_until(struct bench *b, const char *log_end)
{
	b->wait_for = log_end;
	loop_run(b->loop);
	b->wait_for = NULL;
}

static void
gone(void *arg)
{
	struct bench *b = arg;

	b->gone = true;
	loop_stop(b->loop);
}

static void
a_whole_life(void **state UNUSED)
{
	struct bench b;

	bench_init(&b);
	report_start(b.report);
	assert_string_equal(b.log, "");
	run_until(&b, "register beat beat "); /* the first one at once */
	assert_int_equal(b.assigned, 1);
	report_leave(b.report, gone, &b);
	loop_run(b.loop);
	assert_true(b.gone);
	assert_string_equal(b.log, "register beat beat leave ");
	assert_int_equal(report_state(b.report), REPORT_GONE);
	bench_fini(&b);
}

static void
an_unknown_worker_registers_again(void **state UNUSED)
{
	struct bench b;

	bench_init(&b);
	report_start(b.report);
	run_until(&b, "register beat ");
	b.forget = true;
	report_now(b.report);
	report_now(b.report);
	run_until(&b, "unknown register beat ");
	assert_string_equal(b.log, "register beat unknown register beat ");
	assert_int_equal(b.assigned, 2);
	bench_fini(&b);
}

static void
new_capabilities_are_told(void **state UNUSED)
{
	struct bench b;

	bench_init(&b);
	report_start(b.report);
	run_until(&b, "register beat ");
	report_refresh(b.report);
	run_until(&b, "beat register beat ");
	bench_fini(&b);
}

static void
a_busy_coordinator_is_tried_again(void **state UNUSED)
{
	struct bench b;

	bench_init(&b);
	b.fail = 2;
	report_start(b.report);
	run_until(&b, "busy busy register ");
	bench_fini(&b);
}

static void
come_back(void *arg)
{
	struct bench *b = arg;

	listen_at(b);
}

static void
an_absent_coordinator_is_waited_for(void **state UNUSED)
{
	struct bench b;
	struct timer back;

	bench_init(&b);
	stop_listening(&b);
	report_start(b.report);
	timer_init(&back, b.loop, come_back, &b);
	timer_set(&back, 700);
	run_until(&b, "register ");
	bench_fini(&b);
}

static void
leaving_needs_no_coordinator(void **state UNUSED)
{
	struct bench b;

	bench_init(&b);
	report_leave(b.report, gone, &b); /* before it began */
	loop_run(b.loop);
	assert_true(b.gone);
	assert_string_equal(b.log, "");
	bench_fini(&b);
}

static void
the_load_is_a_share(void **state UNUSED)
{
	struct probe_env env = detect_env("/");
	struct load l = {0};
	double first = load_now(&l, &env, 2), second;
	volatile unsigned spin = 0;

	assert_true(first >= 0 && first <= 1);
	assert_true(l.total > 0);
	assert_true(load_now(&l, &env, 2) == first); /* too soon */
	l.at_ms -= LOAD_SPAN_MS;
	while (spin < 100000000u)
		spin = spin + 1;
	second = load_now(&l, &env, 2);
	assert_true(second > 0 && second <= 1);
}

static bool
move_aborts(int from, int to)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct sm m;

		(void)close(STDERR_FILENO);
		(void)signal(SIGABRT, SIG_DFL);
		sm_init(&m, report_states, "report", 0, from);
		sm_move(&m, to);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
every_illegal_move_aborts(void **state UNUSED)
{
	enum {
		N = REPORT_GONE + 1
	};
	static const char legal[N][N + 1] = {
	    /* to: ILROBPLG */
	    [REPORT_IDLE] = "-x----x-",
	    [REPORT_LOOKUP] = "--x-xxx-",
	    [REPORT_REGISTERING] = "---x-xx-",
	    [REPORT_ONLINE] = "--x-x-x-",
	    [REPORT_BEATING] = "--xx-xx-",
	    [REPORT_PAUSE] = "-xx-x-x-",
	    [REPORT_LEAVING] = "-------x",
	    [REPORT_GONE] = "--------",
	};

	for (int from = 0; from < N; from++)
		for (int to = 0; to < N; to++)
			assert_int_equal(move_aborts(from, to),
			    legal[from][to] == '-');
}

const struct CMUnitTest report_tests[] = {
    cmocka_unit_test(a_whole_life),
    cmocka_unit_test(an_unknown_worker_registers_again),
    cmocka_unit_test(new_capabilities_are_told),
    cmocka_unit_test(a_busy_coordinator_is_tried_again),
    cmocka_unit_test(an_absent_coordinator_is_waited_for),
    cmocka_unit_test(leaving_needs_no_coordinator),
    cmocka_unit_test(the_load_is_a_share),
    cmocka_unit_test(every_illegal_move_aborts),
};
const size_t report_tests_count = COUNT_OF(report_tests);
