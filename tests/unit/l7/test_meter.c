// SPDX-License-Identifier: BSD-3-Clause
// Streams with a clock that is written down: every pitfall of measuring them that is known has a test here.
#include <criterion/criterion.h>

#include "l4/base/clock.h"
#include "l4/model/stats_histogram.h"
#include "l7/meter.h"

#define MS CLOCK_NS_PER_MS
#define S CLOCK_NS_PER_S

enum { START = 1000 };

static const char *models[] = {"gpt-4o", "claude-sonnet"};
static const struct conf_l7_streams events = {.measure = MEASURE_EVENTS, .stalled_ms = 10000};
static const struct conf_l7_streams tokens = {
	.measure = MEASURE_TOKENS, .stalled_ms = 10000, .models = models, .n_models = 2};

static struct l7_service_counters c;
static struct l7_service_histograms h;

// A request that came at second START, answered with a head half a second later.
static struct meter begin(enum meter_kind kind, const struct conf_l7_streams *conf)
{
	struct meter m = {.in = {
				  .counters = &c,
				  .times = &h,
				  .conf = conf,
				  .asked_ns = START * S,
				  .now_ns = START * S + 500 * MS,
				  .kind = (uint8_t)kind,
				  .is_ok = true,
			  }};

	meter_begin(&m);
	return m;
}

// Milliseconds since the request.
static uint64_t at(uint64_t ms)
{
	return START * S + ms * MS;
}

static const struct token control = {.is_end = false};
static const struct token content = {.is_content = true};
static const struct token done = {.is_end = true};

static struct token usage(uint64_t n)
{
	return (struct token){
		.has_tokens_out = true, .tokens_out = n, .has_tokens_in = true, .tokens_in = 7};
}

#define expect_times(histogram, n, sum_ms)                                               \
	do {                                                                             \
		cr_expect_eq(stats_histogram_count(&h.histogram), n, #histogram ": %lu", \
		             stats_histogram_count(&h.histogram));                       \
		cr_expect_eq(h.histogram.sum_ns, (sum_ms)*MS, #histogram ": %lu ns",     \
		             h.histogram.sum_ns);                                        \
	} while (0)

Test(meter, the_first_token_is_the_first_and_not_the_last)
{
	struct meter m = begin(METER_SSE, &tokens);

	for (uint64_t i = 0; i < 10; i++)
		meter_event(&m, &content, at(600 + 20 * i));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_to_first_token, 1, 600);
	cr_expect_eq(m.first_token_ns, 600 * MS);
}

Test(meter, role_ping_and_created_are_no_token)
{
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &control, at(510));
	meter_event(&m, &control, at(520));
	meter_event(&m, &content, at(900));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_to_first_event, 1, 510);
	expect_times(time_to_first_token, 1, 900);
	expect_times(inter_event_gap, 2, 390);
	cr_expect_eq(c.events, 3);
	cr_expect_eq(c.events_content, 1);
}

Test(meter, where_nobody_reads_events_nothing_is_said_of_tokens)
{
	struct meter m = begin(METER_SSE, &events);

	meter_event(&m, NULL, at(510));
	meter_event(&m, NULL, at(610));
	meter_end(&m, METER_END_CLIENT_ABORT);
	expect_times(time_to_first_event, 1, 510);
	expect_times(inter_event_gap, 1, 100);
	expect_times(time_to_first_token, 0, 0);
	expect_times(time_per_output_token_events, 0, 0);
	cr_expect_eq(c.no_first_token_canceled, 0);
	cr_expect_eq(c.stream_ends_client_abort, 1);
}

Test(meter, time_per_token_is_over_the_whole_stream_and_recorded_once)
{
	struct meter m = begin(METER_SSE, &tokens);

	// The last two come together: their gap says nothing.
	meter_event(&m, &content, at(1000));
	meter_event(&m, &content, at(1100));
	meter_event(&m, &content, at(1300));
	meter_event(&m, &content, at(1300));
	meter_event(&m, &done, at(2000));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_events, 1, 100);
	expect_times(time_per_output_token_usage, 0, 0);
	cr_expect_eq(c.events_coalesced, 1);
}

// An event may hold several tokens: usage knows.
Test(meter, stated_usage_counts_instead_of_events)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(13);

	meter_event(&m, &content, at(1000));
	meter_event(&m, &content, at(1120));
	meter_event(&m, &content, at(1240));
	meter_event(&m, &last, at(1250));
	meter_event(&m, &done, at(1250));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 1, 20);
	expect_times(time_per_output_token_events, 0, 0);
	cr_expect_eq(c.tokens_out, 13);
	cr_expect_eq(c.tokens_in, 7);
	cr_expect_eq(c.events_of_usage, 3, "13 tokens in 3 events");
}

Test(meter, usage_is_cumulative_and_need_not_be_in_the_last_event)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token first = usage(1), later = usage(11);

	later.is_content = true;
	meter_event(&m, &first, at(900)); // message_start
	meter_event(&m, &content, at(1000));
	meter_event(&m, &later, at(1200));
	meter_event(&m, &control, at(1300)); // message_stop
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 1, 20);
	cr_expect_eq(c.tokens_out, 11, "not 12");
}

// What Anthropic states at the start is no count of what came after it.
Test(meter, usage_from_before_the_last_token_is_not_believed)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token first = usage(1);

	meter_event(&m, &first, at(900));
	meter_event(&m, &content, at(1000));
	meter_event(&m, &content, at(1200));
	meter_end(&m, METER_END_CLIENT_ABORT);
	expect_times(time_per_output_token_events, 1, 200);
	expect_times(time_per_output_token_usage, 0, 0);
	cr_expect_eq(c.tokens_out, 0);
}

// 5 of 106 stated tokens came after the first one: 100 were thought before it.
Test(meter, reasoning_that_nobody_saw_is_no_token_after_the_first)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(106);

	last.tokens_reasoning = 100;
	meter_event(&m, &content, at(5000));
	meter_event(&m, &content, at(5100));
	meter_event(&m, &last, at(5110));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 1, 20);
	cr_expect_eq(c.tokens_out, 106, "they were generated, and are paid for");
}

Test(meter, reasoning_that_events_showed_counts)
{
	const struct token thought = {.is_content = true, .is_reasoning = true};
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(106);

	last.tokens_reasoning = 100;
	meter_event(&m, &thought, at(1000));
	meter_event(&m, &content, at(3000));
	meter_event(&m, &content, at(3100));
	meter_event(&m, &last, at(3110));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 1, 20);
}

Test(meter, what_was_predicted_and_not_said_is_no_token)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(14);

	last.tokens_rejected = 8;
	meter_event(&m, &content, at(1000));
	meter_event(&m, &content, at(1100));
	meter_event(&m, &last, at(1110));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 1, 20);
}

// More is taken off than there is: nothing to divide by.
Test(meter, usage_that_contradicts_itself_makes_no_time)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(6);

	last.tokens_reasoning = 9;
	meter_event(&m, &content, at(1000));
	meter_event(&m, &content, at(1100));
	meter_event(&m, &last, at(1110));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 0, 0);
	expect_times(time_per_output_token_events, 0, 0);
}

Test(meter, one_token_has_no_time_per_token)
{
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(1);

	meter_event(&m, &content, at(1000));
	meter_event(&m, &last, at(1001));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_per_output_token_usage, 0, 0);
	expect_times(time_per_output_token_events, 0, 0);
	expect_times(time_to_first_token, 1, 1000);
}

Test(meter, a_client_that_leaves_keeps_its_first_token)
{
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &content, at(700));
	meter_end(&m, METER_END_CLIENT_ABORT);
	expect_times(time_to_first_token, 1, 700);
	cr_expect_eq(c.stream_ends_client_abort, 1);
	cr_expect_eq(c.no_first_token_canceled, 0);
}

static const struct {
	enum meter_end end;
	uint64_t *reason, *ended;
} ends[] = {
	{METER_END_COMPLETED, &c.no_first_token_no_output, &c.stream_ends_completed},
	{METER_END_CLIENT_ABORT, &c.no_first_token_canceled, &c.stream_ends_client_abort},
	{METER_END_UPSTREAM_ERROR, &c.no_first_token_error, &c.stream_ends_upstream_error},
	{METER_END_TIMEOUT, &c.no_first_token_timeout, &c.stream_ends_timeout},
	{METER_END_DRAINED, &c.no_first_token_drained, &c.stream_ends_drained},
	{METER_END_ERROR_EVENT, &c.no_first_token_error, &c.stream_ends_error_event},
};

Test(meter, a_stream_without_a_token_has_a_reason_and_no_time)
{
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct meter m;

		c = (struct l7_service_counters){.events = 0};
		m = begin(METER_SSE, &tokens);
		meter_event(&m, &control, at(510));
		meter_end(&m, ends[i].end);
		cr_expect_eq(*ends[i].reason, 1, "%zu", i);
		cr_expect_eq(*ends[i].ended, 1, "%zu", i);
	}
	expect_times(time_to_first_token, 0, 0);
	expect_times(ttft_delivered, 0, 0);
}

Test(meter, a_client_that_leaves_after_the_last_event_has_got_all)
{
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &content, at(700));
	meter_event(&m, &done, at(800));
	meter_delivered(&m, 0, at(801));
	meter_end(&m, METER_END_CLIENT_ABORT);
	cr_expect_eq(c.stream_ends_completed, 1);
	// But not if it never got it.
	m = begin(METER_SSE, &tokens);
	meter_event(&m, &content, at(700));
	meter_event(&m, &done, at(800));
	meter_end(&m, METER_END_CLIENT_ABORT);
	cr_expect_eq(c.stream_ends_client_abort, 1);
	cr_expect_eq(c.events_undelivered, 2);
}

Test(meter, an_error_in_the_stream_is_one_whatever_the_status_says)
{
	const struct token error = {.is_error = true};
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &content, at(700));
	meter_event(&m, &error, at(800));
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.stream_ends_error_event, 1);
	cr_expect_eq(c.stream_ends_completed, 0);
	cr_expect_eq(c.events_error, 1);
}

Test(meter, an_answer_that_failed_has_no_first_token)
{
	struct meter m = {.in = {.counters = &c,
	                         .times = &h,
	                         .conf = &tokens,
	                         .asked_ns = START * S,
	                         .now_ns = at(1)}};

	meter_begin(&m); // 429 at once, as an event stream
	meter_event(&m, &content, at(1));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_to_first_token, 0, 0);
	cr_expect_eq(c.no_first_token_no_output, 0);
	cr_expect_eq(c.events, 1);
}

// An event that ends with the n-th byte that the client is given.
static void event_up_to(struct meter *m, uint32_t n, uint64_t now_ns)
{
	m->end = n;
	meter_event(m, &content, now_ns);
}

static uint64_t delivered_events(void)
{
	return stats_histogram_count(&h.delay_added) + stats_histogram_count(&h.delay_client);
}

Test(meter, received_and_delivered_are_two_moments)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 10, at(700));
	event_up_to(&m, 20, at(700));
	meter_delivered(&m, 20, at(950));
	event_up_to(&m, 30, at(960));
	meter_delivered(&m, 30, at(961));
	meter_delivered(&m, 30, at(999)); // nothing waited
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_to_first_token, 1, 700);
	expect_times(ttft_delivered, 1, 950);
	expect_times(delay_added, 3, 2 * 250 + 1);
	cr_expect_eq(m.delay_most_ns, 250 * MS);
	cr_expect_eq(c.events, delivered_events() + c.events_undelivered);
}

Test(meter, each_event_is_delivered_with_its_own_last_byte)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 100, at(700));
	event_up_to(&m, 200, at(700));
	event_up_to(&m, 300, at(700));
	meter_delivered(&m, 199, at(701));
	expect_times(delay_added, 1, 1);
	meter_delivered(&m, 200, at(710));
	meter_delivered(&m, 299, at(711));
	expect_times(delay_added, 2, 11);
	meter_end(&m, METER_END_CLIENT_ABORT);
	cr_expect_eq(c.events_undelivered, 1);
}

// What the socket takes at once is our delay; what it does not take is the client's.
Test(meter, a_client_that_takes_no_more_has_a_delay_of_its_own)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 100, at(700));
	event_up_to(&m, 200, at(700));
	event_up_to(&m, 300, at(700));
	meter_delivered(&m, 120, at(702));
	meter_held(&m);
	meter_delivered(&m, 250, at(1000));
	meter_delivered(&m, 300, at(1700));
	event_up_to(&m, 400, at(1701));
	meter_delivered(&m, 400, at(1702));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(delay_added, 2, 2 + 1);
	expect_times(delay_client, 2, 300 + 1000);
	cr_expect_eq(m.delay_most_ns, 2 * MS);
	cr_expect_eq(m.held_most_ns, 1000 * MS);
}

Test(meter, what_comes_behind_a_client_that_waits_is_ours_unless_it_waits_too)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 100, at(700));
	meter_held(&m);
	event_up_to(&m, 200, at(800)); // read before anybody looked again
	meter_delivered(&m, 200, at(900));
	expect_times(delay_client, 1, 200);
	expect_times(delay_added, 1, 100);
}

Test(meter, the_first_token_is_delivered_with_its_own_event)
{
	struct meter m = begin(METER_SSE, &tokens);

	m.end = 50;
	meter_event(&m, &control, at(600));
	event_up_to(&m, 100, at(600));
	event_up_to(&m, 200, at(600));
	meter_delivered(&m, 50, at(610));
	expect_times(ttft_delivered, 0, 0);
	meter_delivered(&m, 100, at(630));
	meter_delivered(&m, 200, at(690));
	expect_times(ttft_delivered, 1, 630);
	cr_expect_eq(m.first_token_delivered_ns, 630 * MS);
}

Test(meter, what_leaves_with_the_end_is_delivered_when_it_has_left)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 100, at(600));
	meter_leaves(&m, at(601));
	cr_expect_eq(m.delay_most_ns, MS, "what the log can say");
	cr_expect_eq(m.first_token_delivered_ns, 601 * MS);
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.events_undelivered, 0);
	expect_times(delay_added, 0, 0);
	cr_expect_eq(m.waiting.n, 1, "for meter_rest_take()");
}

Test(meter, where_there_is_no_log_nothing_is_said_of_what_leaves)
{
	struct meter m = begin(METER_SSE, &tokens);

	event_up_to(&m, 100, at(600));
	meter_leaves(&m, 0);
	cr_expect_eq(m.delay_most_ns, 0);
	cr_expect_eq(m.first_token_delivered_ns, 0);
}

Test(meter, events_read_together_have_one_moment_and_say_so)
{
	struct meter m = begin(METER_SSE, &events);

	for (int i = 0; i < 5; i++)
		meter_event(&m, NULL, at(700));
	meter_event(&m, NULL, at(720));
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.events_coalesced, 4);
	expect_times(inter_event_gap, 5, 20);
	cr_expect_eq(h.inter_event_gap.bucket[0], 4);
	cr_expect_eq(c.events, stats_histogram_count(&h.inter_event_gap) +
	                               stats_histogram_count(&h.time_to_first_event));
}

Test(meter, what_is_compressed_has_an_end_and_no_events)
{
	struct meter m = {.in = {.counters = &c,
	                         .times = &h,
	                         .conf = &tokens,
	                         .asked_ns = START * S,
	                         .now_ns = at(1),
	                         .is_ok = true,
	                         .is_opaque = true}};

	meter_begin(&m);
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.streams_opaque, 1);
	cr_expect_eq(c.stream_ends_completed, 1);
	cr_expect_eq(c.no_first_token_no_output, 0, "nobody knows");
	expect_times(time_to_first_event, 0, 0);
}

static const struct {
	const char *name, *label;
} names[] = {
	{"gpt-4o", "gpt-4o"},
	{"claude-sonnet", "claude-sonnet"},
	{"gpt-4", "other"},
	{"gpt-4o-mini", "other"},
	{"GPT-4o", "other"},
	{"gpt-4o\\u0000", "other"},
	{"gpt-4o\"} 1\\nlb_fake_total 1", "other"},
	{"../../etc/passwd", "other"},
};

Test(meter, only_models_of_the_configuration_have_a_name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct meter m = begin(METER_SSE, &tokens);
		struct token t = {.model = slice_of(names[i].name, strlen(names[i].name))};

		cr_expect_null(meter_model(&m));
		meter_event(&m, &t, at(700));
		cr_expect_str_eq(meter_model(&m), names[i].label, "%s", names[i].name);
		// Who says another name later stays who it is.
		t.model = slice_of("x", 1);
		meter_event(&m, &t, at(701));
		cr_expect_str_eq(meter_model(&m), names[i].label, "%s", names[i].name);
		meter_end(&m, METER_END_COMPLETED);
	}
}

Test(meter, what_a_model_did_is_counted_when_the_stream_ends)
{
	static struct l7_model_counters model;
	static struct l7_model_histograms model_times;
	struct meter m = begin(METER_SSE, &tokens);
	struct token last = usage(13);

	meter_event(&m, &content, at(1000));
	meter_set_model(&m, (struct meter_model){&model, &model_times});
	cr_expect_eq(model.active, 1);
	meter_event(&m, &content, at(1120));
	meter_event(&m, &content, at(1240));
	meter_event(&m, &last, at(1250));
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(model.streams, 1);
	cr_expect_eq(model.active, 0);
	cr_expect_eq(model.tokens_out, 13);
	cr_expect_eq(model.tokens_in, 7);
	cr_expect_eq(model.events_content, 3);
	cr_expect_eq(model.events_of_usage, 3);
	cr_expect_eq(model_times.ttft.sum_ns, 1000 * MS, "though it was said only then");
	cr_expect_eq(model_times.tpot_usage.sum_ns, 20 * MS);
	m = begin(METER_SSE, &tokens);
	meter_set_model(&m, (struct meter_model){&model, &model_times});
	meter_end(&m, METER_END_ERROR_EVENT);
	cr_expect_eq(model.no_first_token, 1);
	cr_expect_eq(model.errors, 1);
	cr_expect_eq(stats_histogram_count(&model_times.ttft), 1);
}

Test(meter, a_long_model_name_costs_nothing)
{
	static char name[60000];
	struct meter m = begin(METER_SSE, &tokens);
	const struct token t = {.model = slice_of(name, sizeof(name))};

	meter_event(&m, &t, at(700));
	cr_expect_str_eq(meter_model(&m), "other");
	meter_end(&m, METER_END_COMPLETED);
}

Test(meter, what_is_no_json_or_too_long_is_counted_and_measured_on)
{
	const struct token bad = {.is_malformed = true};
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &bad, at(700));
	meter_oversize(&m, at(710));
	meter_event(&m, &content, at(720));
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.events, 3);
	cr_expect_eq(c.events_malformed, 1);
	cr_expect_eq(c.events_oversize, 1);
	expect_times(time_to_first_token, 1, 720);
}

Test(meter, silence_within_an_answer_is_a_stall_and_an_event_ends_it)
{
	struct meter m = begin(METER_SSE, &tokens);

	cr_expect_eq(meter_stall(&m, at(60000)), 0, "the first token takes as long as it takes");
	meter_event(&m, &content, at(60000));
	cr_expect_eq(meter_stall(&m, at(60000)), 10 * S);
	cr_expect_eq(meter_stall(&m, at(69000)), S);
	cr_expect_eq(c.streams_stalled, 0);
	cr_expect_eq(meter_stall(&m, at(70000)), 0);
	cr_expect_eq(c.streams_stalled, 1);
	meter_event(&m, &content, at(71000));
	cr_expect_eq(c.streams_stalled, 0);
	cr_expect_eq(meter_stall(&m, at(71000)), 10 * S);
	cr_expect_eq(meter_stall(&m, at(81000)), 0);
	meter_end(&m, METER_END_TIMEOUT);
	cr_expect_eq(c.streams_stalled, 0, "what has ended is not stalled");
	cr_expect_eq(c.stalls, 2);
}

Test(meter, a_heartbeat_is_a_sign_of_life)
{
	struct meter m = begin(METER_SSE, &tokens);

	meter_event(&m, &content, at(1000));
	for (uint64_t ms = 9000; ms < 100000; ms += 9000) {
		cr_expect_gt(meter_stall(&m, at(ms)), 0);
		meter_heard(&m, at(ms));
	}
	cr_expect_eq(c.stalls, 0);
	cr_expect_eq(meter_stall(&m, at(200000)), 0);
	cr_expect_eq(c.streams_stalled, 1);
	meter_heard(&m, at(200001));
	cr_expect_eq(c.streams_stalled, 0);
	expect_times(inter_event_gap, 0, 0);
	meter_end(&m, METER_END_COMPLETED);
}

// A watch, a subscription, a stream that keeps itself alive and nothing else: nobody knows of an answer.
Test(meter, a_stream_that_is_idle_by_nature_is_not_stalled)
{
	struct meter watch = begin(METER_SSE, &events), call = begin(METER_GRPC, &events);
	struct meter said_all = begin(METER_SSE, &tokens), failed = begin(METER_SSE, &tokens);
	const struct token error = {.is_error = true};

	meter_event(&watch, NULL, at(600));
	meter_event(&call, NULL, at(600));
	meter_event(&said_all, &content, at(600));
	meter_event(&said_all, &done, at(601));
	meter_event(&failed, &content, at(600));
	meter_event(&failed, &error, at(601));
	cr_expect_eq(meter_stall(&watch, at(86400000)), 0);
	cr_expect_eq(meter_stall(&call, at(86400000)), 0);
	cr_expect_eq(meter_stall(&said_all, at(86400000)), 0);
	cr_expect_eq(meter_stall(&failed, at(86400000)), 0);
	cr_expect_eq(c.stalls, 0);
	meter_end(&watch, METER_END_COMPLETED);
	meter_end(&call, METER_END_COMPLETED);
	meter_end(&said_all, METER_END_COMPLETED);
	meter_end(&failed, METER_END_COMPLETED);
}

Test(meter, a_limit_of_zero_never_stalls)
{
	static const struct conf_l7_streams never = {.measure = MEASURE_TOKENS};
	struct meter m = begin(METER_SSE, &never);

	meter_event(&m, &content, at(600));
	cr_expect_eq(meter_stall(&m, at(86400000)), 0);
	cr_expect_eq(c.stalls, 0);
	meter_end(&m, METER_END_COMPLETED);
}

Test(meter, a_websocket_goes_by_turns)
{
	struct meter m = begin(METER_WEBSOCKET, &tokens);

	meter_event(&m, NULL, at(600)); // a greeting: nobody asked
	expect_times(time_to_first_event, 0, 0);
	expect_times(time_to_first_token, 0, 0);
	meter_asked(&m, at(5000));
	meter_asked(&m, at(5100)); // more of the question
	meter_event(&m, NULL, at(5300));
	meter_event(&m, NULL, at(5400));
	meter_event(&m, NULL, at(5500));
	expect_times(time_to_first_event, 1, 300);
	expect_times(time_to_first_token, 1, 300);
	expect_times(inter_event_gap, 2, 200);
	meter_asked(&m, at(60000)); // the client thought it over: no gap
	meter_event(&m, NULL, at(60050));
	expect_times(time_to_first_token, 2, 350);
	expect_times(inter_event_gap, 2, 200);
	expect_times(time_per_output_token_events, 1, 100);
	meter_asked(&m, at(70000));
	meter_end(&m, METER_END_CLIENT_ABORT);
	cr_expect_eq(c.no_first_token_canceled, 1);
	cr_expect_eq(c.events, 5);
	cr_expect_eq(m.first_token_ns, 300 * MS);
}

Test(meter, a_websocket_that_nobody_uses_is_not_stalled)
{
	struct meter m = begin(METER_WEBSOCKET, &tokens);

	cr_expect_eq(meter_stall(&m, at(100000)), 0);
	meter_asked(&m, at(200000));
	cr_expect_eq(meter_stall(&m, at(205000)), 5 * S);
	cr_expect_eq(meter_stall(&m, at(210000)), 0);
	cr_expect_eq(c.streams_stalled, 1);
	meter_event(&m, NULL, at(211000));
	cr_expect_eq(c.streams_stalled, 0);
	cr_expect_eq(meter_stall(&m, at(300000)), 0);
	cr_expect_eq(c.stalls, 1);
	meter_end(&m, METER_END_COMPLETED);
	cr_expect_eq(c.no_first_token_no_output, 0);
}

Test(meter, each_message_of_a_grpc_call_is_output_where_tokens_are_measured)
{
	struct meter m = begin(METER_GRPC, &tokens);

	meter_event(&m, NULL, at(600));
	meter_event(&m, NULL, at(650));
	meter_event(&m, NULL, at(700));
	meter_end(&m, METER_END_COMPLETED);
	expect_times(time_to_first_token, 1, 600);
	expect_times(time_per_output_token_events, 1, 50);
	m = begin(METER_GRPC, &tokens); // trailers only
	meter_end(&m, METER_END_ERROR_EVENT);
	cr_expect_eq(c.no_first_token_error, 1);
	expect_times(time_to_first_token, 1, 600);
}
