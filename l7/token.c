// SPDX-License-Identifier: BSD-3-Clause
#include "l7/token.h"

#include "l7/json_scan.h"

enum {
	OUTPUT = 1, // text or parts of it: content if not empty
	REASONING,  // likewise
	DELTA,      // likewise, where `type` ends with ".delta"
	TYPE,
	KIND, // "object"
	FINISH,
	ERROR,
	MODEL,
	TOKENS_OUT,
	TOKENS_IN,
	TOKENS_REASONING,
	TOKENS_REJECTED,
	THOUGHT,         // the output is of the reasoning if it is true
	TOKENS_THOUGHTS, // reasoning that is no part of TOKENS_OUT
};

// Those that no other kind of event has: `type`, `error` or `model` may be anybody's.
#define BIT(id) (1u << (id))
static const uint32_t of_dialects = BIT(OUTPUT) | BIT(REASONING) | BIT(FINISH) | BIT(TOKENS_OUT) |
                                    BIT(TOKENS_IN) | BIT(TOKENS_THOUGHTS);

#define WANTED(name, what)                        \
	{                                         \
		JSON_SCAN_KEY(name), .id = (what) \
	}
#define INTO(name, paths)                                                          \
	{                                                                          \
		JSON_SCAN_KEY(name), .below = (paths), .n_below = ARRAY_LEN(paths) \
	}

static const struct json_scan_path usage_details[] = {
	WANTED("reasoning_tokens", TOKENS_REASONING),
	WANTED("thinking_tokens", TOKENS_REASONING),
	WANTED("rejected_prediction_tokens", TOKENS_REJECTED),
};

static const struct json_scan_path usage[] = {
	WANTED("completion_tokens", TOKENS_OUT),
	WANTED("output_tokens", TOKENS_OUT),
	WANTED("prompt_tokens", TOKENS_IN),
	WANTED("input_tokens", TOKENS_IN),
	INTO("completion_tokens_details", usage_details),
	INTO("output_tokens_details", usage_details),
};

static const struct json_scan_path audio[] = {
	WANTED("data", OUTPUT),
	WANTED("transcript", OUTPUT),
};

static const struct json_scan_path choice_delta[] = {
	WANTED("content", OUTPUT),      WANTED("reasoning_content", REASONING),
	WANTED("reasoning", REASONING), WANTED("refusal", OUTPUT),
	WANTED("tool_calls", OUTPUT),   WANTED("function_call", OUTPUT),
	INTO("audio", audio),
};

static const struct json_scan_path choice[] = {
	INTO("delta", choice_delta),
	WANTED("text", OUTPUT),
	WANTED("finish_reason", FINISH),
};

static const struct json_scan_path block_delta[] = {
	WANTED("text", OUTPUT),
	WANTED("thinking", REASONING),
	WANTED("partial_json", OUTPUT),
};

// Of Anthropic's message_start, and of OpenAI's events that hold the whole response.
static const struct json_scan_path message[] = {
	WANTED("model", MODEL),
	WANTED("error", ERROR),
	INTO("usage", usage),
};

static const struct json_scan_path part[] = {
	WANTED("text", OUTPUT),           WANTED("thought", THOUGHT),
	WANTED("functionCall", OUTPUT),   WANTED("inlineData", OUTPUT),
	WANTED("executableCode", OUTPUT), WANTED("codeExecutionResult", OUTPUT),
};

static const struct json_scan_path content[] = {
	INTO("parts", part),
};

static const struct json_scan_path candidate[] = {
	INTO("content", content),
	WANTED("finishReason", FINISH),
};

static const struct json_scan_path usage_metadata[] = {
	WANTED("promptTokenCount", TOKENS_IN),
	WANTED("candidatesTokenCount", TOKENS_OUT),
	WANTED("thoughtsTokenCount", TOKENS_THOUGHTS),
};

static const struct json_scan_path members[] = {
	INTO("choices", choice),
	{JSON_SCAN_KEY("delta"), .id = DELTA, .below = block_delta,
         .n_below = ARRAY_LEN(block_delta)},
	WANTED("type", TYPE),
	WANTED("object", KIND),
	WANTED("error", ERROR),
	WANTED("model", MODEL),
	INTO("usage", usage),
	INTO("message", message),
	INTO("response", message),
	INTO("candidates", candidate),
	INTO("usageMetadata", usage_metadata),
	WANTED("modelVersion", MODEL),
};

static const struct json_scan_path root = INTO("", members);

struct reading {
	struct token *t;
	struct slice type;
	uint64_t thoughts;
	uint32_t ids; // a bit for each that was found
	bool has_delta;
	bool is_thought;
};

static bool is_text(const struct json_scan_value *v, const char *text)
{
	return v->type == JSON_SCAN_STRING && slice_eq(v->text, slice_of(text, strlen(text)));
}

static bool is_something(const struct json_scan_value *v)
{
	return (v->type == JSON_SCAN_STRING || v->type == JSON_SCAN_OBJECT ||
	        v->type == JSON_SCAN_ARRAY) &&
	       !v->is_empty;
}

// A number that no answer has is not believed: counters would wrap.
static bool is_count(const struct json_scan_value *v, uint64_t *out)
{
	uint64_t n;

	if (!json_scan_number(v, &n) || n > TOKEN_COUNT_MAX)
		return false;
	*out = n;
	return true;
}

static void found(void *owner, uint8_t id, const struct json_scan_value *v)
{
	struct reading *r = owner;
	struct token *t = r->t;

	r->ids |= BIT(id);
	switch (id) {
	case OUTPUT:
		t->is_content |= is_something(v);
		break;
	case REASONING:
		t->is_reasoning |= is_something(v);
		break;
	case DELTA:
		r->has_delta |= v->type == JSON_SCAN_STRING && !v->is_empty;
		break;
	case TYPE:
		r->type = v->text;
		break;
	case KIND:
		t->is_error |= is_text(v, "error");
		t->is_known |= is_text(v, "chat.completion.chunk") || is_text(v, "text_completion");
		break;
	case FINISH:
		t->is_end |= v->type == JSON_SCAN_STRING;
		t->is_error |= is_text(v, "error");
		break;
	case ERROR:
		t->is_error |= is_something(v);
		break;
	case MODEL:
		t->model = v->text;
		break;
	case TOKENS_OUT:
		t->has_tokens_out |= is_count(v, &t->tokens_out);
		break;
	case TOKENS_IN:
		t->has_tokens_in |= is_count(v, &t->tokens_in);
		break;
	case TOKENS_REASONING:
		is_count(v, &t->tokens_reasoning);
		break;
	case TOKENS_REJECTED:
		is_count(v, &t->tokens_rejected);
		break;
	case THOUGHT:
		r->is_thought |= v->type == JSON_SCAN_TRUE;
		break;
	case TOKENS_THOUGHTS:
		is_count(v, &r->thoughts);
		break;
	}
}

static bool ends_with(struct slice s, const char *tail)
{
	size_t len = strlen(tail);

	return s.len >= len && memcmp(s.ptr + s.len - len, tail, len) == 0;
}

static bool begins_with(struct slice s, const char *head)
{
	size_t len = strlen(head);

	return s.len >= len && memcmp(s.ptr, head, len) == 0;
}

static bool is_one_of(struct slice s, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(s, slice_of(names[i], strlen(names[i]))))
			return true;
	return false;
}

// By what kind of event it is: its member "type", which for these APIs is its name, too.
static void judge_type(struct token *t, struct slice type)
{
	static const char *const ends[] = {"message_stop", "response.completed", "response.failed",
	                                   "response.incomplete", "error"};
	static const char *const errors[] = {"error", "response.failed"};

	t->is_end |= is_one_of(type, ends, ARRAY_LEN(ends));
	t->is_error |= is_one_of(type, errors, ARRAY_LEN(errors));
}

// Whether only these APIs call an event so.
static bool is_of_dialect(struct slice type)
{
	return begins_with(type, "response.") || begins_with(type, "message_") ||
	       begins_with(type, "content_block_") || begins_with(type, "ping");
}

static bool is_blank(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != ' ' && s.ptr[i] != '\t')
			return false;
	return true;
}

static void settle(struct reading *r, struct slice name)
{
	struct token *t = r->t;

	if (r->has_delta && ends_with(r->type, ".delta")) {
		t->is_content = true;
		t->is_reasoning |= begins_with(r->type, "response.reasoning");
	}
	t->is_reasoning |= r->is_thought && t->is_content;
	t->is_content |= t->is_reasoning;
	if (t->has_tokens_out && r->thoughts) {
		t->tokens_out += r->thoughts;
		t->tokens_reasoning = r->thoughts;
	}
	t->is_known |= (r->ids & of_dialects) || t->is_end || t->is_error ||
	               is_of_dialect(r->type) || is_of_dialect(name);
	t->is_foreign = !t->is_known;
}

void token_read(struct token *t, const struct event *e)
{
	struct reading r = {.t = t, .type = e->name};

	*t = (struct token){.is_end = slice_eq(e->data, slice_of("[DONE]", 6))};
	t->is_known = t->is_end;
	if (t->is_end)
		return;
	judge_type(t, e->name);
	if (is_blank(e->data))
		return;
	t->is_malformed = !json_scan(e->data, &root, found, &r);
	judge_type(t, r.type);
	settle(&r, e->name);
}

// --- what may change ---

struct values {
	struct slice data;
	struct token_value *at;
	size_t n, most;
};

static void see_value(void *owner, uint8_t id, const struct json_scan_value *v)
{
	bool is_string = v->type == JSON_SCAN_STRING;
	// Of text it matters that there is some; of what nobody asks for, nothing.
	bool is_output =
		is_string && !v->is_empty && (id == OUTPUT || id == REASONING || id == DELTA);
	struct values *to = owner;
	size_t start;

	if (to->n == to->most || (id && !is_output) || !(is_string || v->type == JSON_SCAN_NUMBER))
		return;
	start = (size_t)(v->text.ptr - to->data.ptr);
	to->at[to->n++] = (struct token_value){
		.start = (uint16_t)start,
		.end = (uint16_t)(start + v->text.len),
		.is_string = is_string,
		.may_be_empty = !is_output,
	};
}

size_t token_values(struct slice data, struct token_value *values, size_t most)
{
	struct values to = {.data = data, .at = values, .most = most};

	return json_scan_each(data, &root, see_value, &to) ? to.n : 0;
}
