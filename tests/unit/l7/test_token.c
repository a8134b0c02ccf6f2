// SPDX-License-Identifier: BSD-3-Clause
#include <criterion/criterion.h>

#include "l7/token.h"
#include "tests/support/guard.h"

enum { CONTENT = 1, END = 2, ERROR = 4, MALFORMED = 8, REASONING = 16 };

static struct slice slice_z(const char *text)
{
	return slice_of(text, strlen(text));
}

static int flags_of(const struct token *t)
{
	return (t->is_content ? CONTENT : 0) | (t->is_end ? END : 0) | (t->is_error ? ERROR : 0) |
	       (t->is_malformed ? MALFORMED : 0) | (t->is_reasoning ? REASONING : 0);
}

// Events as the API references show them, and as servers that imitate these APIs send them.
static const struct {
	const char *name, *data;
	int flags;
	int64_t tokens_in, tokens_out; // -1 = not stated
	const char *model;
} events[] = {
	// OpenAI chat: the role alone is no token, nor is an empty string.
	{"",
         "{\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,"
         "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null,\"finish_reason\":null}]}",
         0, -1, -1, "gpt-4o-mini"},
	{"", "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"}}]}", 0,
         -1, -1, "m"},
	{"",
         "{\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello\"},\"finish_reason\":null}]}",
         CONTENT, -1, -1, "m"},
	{"", "{\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"Hm\"}}]}",
         CONTENT | REASONING, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"reasoning\":\"Hm\"}}]}", CONTENT | REASONING, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"refusal\":\"No\"}}]}", CONTENT, -1, -1, ""},
	{"",
         "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"c\",\"function\":{\"name\":\"f\","
         "\"arguments\":\"\"}}]}}]}",
         CONTENT, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}", 0, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}]}",
         CONTENT, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"audio\":{\"id\":\"a\"}}}]}", 0, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AAAA\"}}}]}", CONTENT, -1, -1, ""},
	{"",
         "{\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{\"content\":\"x\"}}]}",
         CONTENT, -1, -1, ""},
	{"", "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}",
         END, -1, -1, ""},
	// With stream_options.include_usage: the last chunk has no choices.
	{"",
         "{\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":10,\"total_tokens\":29,"
         "\"completion_tokens_details\":{\"reasoning_tokens\":5}}}",
         0, 19, 10, ""},
	// A number that would make counters wrap is not one.
	{"", "{\"usage\":{\"prompt_tokens\":1073741824,\"completion_tokens\":1073741825}}", 0,
         1073741824, -1, ""},
	{"", "{\"usage\":{\"completion_tokens\":999999999999999999}}", 0, -1, -1, ""},
	// vLLM with continuous_usage_stats: cumulative, beside content.
	{"",
         "{\"choices\":[{\"delta\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}",
         CONTENT, 3, 2, ""},
	{"", "[DONE]", END, -1, -1, ""},
	// What only looks like it.
	{"", "{\"delta\":{\"content\":\"x\"},\"content\":\"x\",\"message\":{\"content\":\"x\"}}", 0,
         -1, -1, ""},
	{"", "{\"choices\":{\"x\":[{\"delta\":{\"content\":\"x\"}}]}}", 0, -1, -1, ""},
	// Legacy completions.
	{"", "{\"object\":\"text_completion\",\"choices\":[{\"text\":\"\",\"index\":0}]}", 0, -1,
         -1, ""},
	{"", "{\"object\":\"text_completion\",\"choices\":[{\"text\":\" a\",\"index\":0}]}",
         CONTENT, -1, -1, ""},
	// OpenAI responses: created and in_progress are control.
	{"response.created",
         "{\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"gpt-4o\",\"error\":null,\"usage\":null}}",
         0, -1, -1, "gpt-4o"},
	{"response.in_progress",
         "{\"type\":\"response.in_progress\",\"response\":{\"model\":\"gpt-4o\"}}", 0, -1, -1,
         "gpt-4o"},
	{"response.output_item.added",
         "{\"type\":\"response.output_item.added\",\"item\":{\"content\":[]}}", 0, -1, -1, ""},
	{"response.output_text.delta", "{\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}",
         CONTENT, -1, -1, ""},
	{"", "{\"delta\":\"Hi\",\"type\":\"response.output_text.delta\"}", CONTENT, -1, -1, ""},
	{"response.output_text.delta", "{\"delta\":\"Hi\"}", CONTENT, -1, -1, ""},
	{"response.function_call_arguments.delta",
         "{\"type\":\"response.function_call_arguments.delta\",\"delta\":\"{\"}", CONTENT, -1, -1,
         ""},
	{"response.reasoning_summary_text.delta",
         "{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"Hm\"}",
         CONTENT | REASONING, -1, -1, ""},
	{"response.output_text.delta", "{\"type\":\"response.output_text.delta\",\"delta\":\"\"}",
         0, -1, -1, ""},
	{"response.output_text.done",
         "{\"type\":\"response.output_text.done\",\"text\":\"Hi\",\"delta\":\"x\"}", 0, -1, -1, ""},
	{"response.completed",
         "{\"type\":\"response.completed\",\"response\":{\"model\":\"gpt-4o\",\"error\":null,\"usage\":{\"input_tokens\":37,"
         "\"output_tokens\":11,\"output_tokens_details\":{\"reasoning_tokens\":0}}}}",
         END, 37, 11, "gpt-4o"},
	{"response.failed",
         "{\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"server_error\"}}}",
         END | ERROR, -1, -1, ""},
	{"response.incomplete", "{\"type\":\"response.incomplete\",\"response\":{}}", END, -1, -1,
         ""},
	{"error", "{\"type\":\"error\",\"code\":\"x\",\"message\":\"y\"}", END | ERROR, -1, -1, ""},
	// Anthropic: message_start and ping are control; usage in message_delta is cumulative.
	{"message_start",
         "{\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"model\":\"claude-sonnet\",\"content\":[],"
         "\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}",
         0, 25, 1, "claude-sonnet"},
	{"content_block_start",
         "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
         0, -1, -1, ""},
	{"ping", "{\"type\": \"ping\"}", 0, -1, -1, ""},
	{"content_block_delta",
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}}",
         CONTENT, -1, -1, ""},
	{"content_block_delta",
         "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"\"}}",
         0, -1, -1, ""},
	{"content_block_delta",
         "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Hm\"}}",
         CONTENT | REASONING, -1, -1, ""},
	{"content_block_delta",
         "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"a\"}}",
         CONTENT, -1, -1, ""},
	{"content_block_delta",
         "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQ\"}}",
         0, -1, -1, ""},
	{"message_delta",
         "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":15}}",
         0, -1, 15, ""},
	{"message_stop", "{\"type\":\"message_stop\"}", END, -1, -1, ""},
	{"error",
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
         END | ERROR, -1, -1, ""},
	// Gemini, streamGenerateContent with alt=sse.
	{"",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}],\"role\":\"model\"},\"index\":0}],"
         "\"usageMetadata\":{\"promptTokenCount\":8,\"totalTokenCount\":8},"
         "\"modelVersion\":\"gemini-2.5-flash\",\"responseId\":\"Il0t\"}",
         CONTENT, 8, -1, "gemini-2.5-flash"},
	{"",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" world\"}]},\"finishReason\":\"STOP\"}],"
         "\"usageMetadata\":{\"promptTokenCount\":8,\"candidatesTokenCount\":11,\"totalTokenCount\":19}}",
         CONTENT | END, 8, 11, ""},
	{"",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hm\",\"thought\":true}]}}],"
         "\"usageMetadata\":{\"promptTokenCount\":8,\"thoughtsTokenCount\":30}}",
         CONTENT | REASONING, 8, -1, ""},
	{"",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{}}}]}}]}",
         CONTENT, -1, -1, ""},
	{"",
         "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\",\"thoughtSignature\":\"Ej\"}]}}]}",
         0, -1, -1, ""},
	{"",
         "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":8}}",
         0, 8, -1, ""},
	// Errors in a stream that began with 200 (pitfall 17).
	{"", "{\"error\":{\"message\":\"boom\",\"code\":500}}", ERROR, -1, -1, ""},
	{"", "{\"error\":\"boom\"}", ERROR, -1, -1, ""},
	{"", "{\"error\":null,\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", CONTENT, -1, -1, ""},
	{"", "{\"object\":\"error\",\"message\":\"boom\",\"code\":500}", ERROR, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}", END | ERROR, -1, -1, ""},
	{"error", "boom", END | ERROR | MALFORMED, -1, -1, ""},
	// Others' events.
	{"", "hello", MALFORMED, -1, -1, ""},
	// Heartbeats.
	{"", "", 0, -1, -1, ""},
	{"", " \t", 0, -1, -1, ""},
	{"ping", "", 0, -1, -1, ""},
	{"error", "", END | ERROR, -1, -1, ""},
	{"", "[DONE] ", MALFORMED, -1, -1, ""},
	{"", "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]", CONTENT | MALFORMED, -1, -1, ""},
	{"", "{\"usage\":{\"completion_tokens\":-1,\"prompt_tokens\":1e3}}", 0, -1, -1, ""},
	{"", "{\"usage\":{\"completion_tokens\":\"7\"}}", 0, -1, -1, ""},
	{"", "{\"model\":{\"name\":\"x\"}}", 0, -1, -1, ""},
	{"", "{\"model\":\"\\u0067pt\"}", 0, -1, -1, "\\u0067pt"},
};

Test(token, is_what_the_dialects_say)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		struct event e = {.name = slice_z(events[i].name), .data = slice_z(events[i].data)};
		struct token t;

		token_read(&t, &e);
		cr_expect_eq(flags_of(&t), events[i].flags, "%d: %s", flags_of(&t), events[i].data);
		cr_expect_eq(t.has_tokens_in ? (int64_t)t.tokens_in : -1, events[i].tokens_in, "%s",
		             events[i].data);
		cr_expect_eq(t.has_tokens_out ? (int64_t)t.tokens_out : -1, events[i].tokens_out,
		             "%s", events[i].data);
		cr_expect(slice_eq(t.model, slice_z(events[i].model)), "%s", events[i].data);
	}
}

// As the APIs state them: part of the output, whether it was shown or not.
static const struct {
	const char *data;
	uint64_t out, reasoning, rejected;
} usages[] = {
	{"{\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":210,\"completion_tokens_details\":{"
         "\"reasoning_tokens\":192,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
         "\"rejected_prediction_tokens\":3}}}",
         210, 192, 3},
	{"{\"type\":\"response.completed\",\"response\":{\"usage\":{\"input_tokens\":37,\"output_tokens\":11,"
         "\"output_tokens_details\":{\"reasoning_tokens\":7}}}}",
         11, 7, 0},
	{"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":90,"
         "\"output_tokens_details\":{\"thinking_tokens\":64}}}",
         90, 64, 0},
	{"{\"usage\":{\"completion_tokens\":5,\"completion_tokens_details\":null}}", 5, 0, 0},
	// 20 + 151 + 382 = 553, as the API adds up.
	{"{\"usageMetadata\":{\"promptTokenCount\":20,\"candidatesTokenCount\":151,\"thoughtsTokenCount\":382,"
         "\"totalTokenCount\":553}}",
         533, 382, 0},
};

Test(token, usage_says_what_of_the_output_was_reasoning)
{
	for (size_t i = 0; i < ARRAY_LEN(usages); i++) {
		struct event e = {.data = slice_z(usages[i].data)};
		struct token t;

		token_read(&t, &e);
		cr_expect_eq(t.tokens_out, usages[i].out, "%s", usages[i].data);
		cr_expect_eq(t.tokens_reasoning, usages[i].reasoning, "%s", usages[i].data);
		cr_expect_eq(t.tokens_rejected, usages[i].rejected, "%s", usages[i].data);
	}
}

// Of which an answer's lack of output can be told, and of which it cannot.
static const struct {
	const char *name, *data;
	bool is_known, is_foreign;
} kinds[] = {
	{"", "[DONE]", true, false},
	{"", "{\"object\":\"chat.completion.chunk\",\"choices\":[{\"delta\":{}}]}", true, false},
	{"", "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}", true, false},
	{"", "{\"choices\":[{\"index\":0,\"text\":\"\"}]}", true, false},
	{"", "{\"type\":\"response.created\",\"response\":{\"model\":\"m\"}}", true, false},
	{"message_start", "{\"message\":{}}", true, false},
	{"", "{\"type\":\"ping\"}", true, false},
	{"", "{\"usageMetadata\":{\"promptTokenCount\":8}}", true, false},
	{"", "{\"error\":\"boom\"}", true, false},
	{"", "", false, false},
	{"", "{\"generation\":\"Hello\",\"model\":\"m\"}", false, true},
	{"", "{\"type\":\"text-generation\",\"text\":\"Hello\"}", false, true},
	{"message", "Hello", false, true},
};

Test(token, knows_whose_dialect_it_does_not_know)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct event e = {.name = slice_z(kinds[i].name), .data = slice_z(kinds[i].data)};
		struct token t;

		token_read(&t, &e);
		cr_expect_eq(t.is_known, kinds[i].is_known, "%s", kinds[i].data);
		cr_expect_eq(t.is_foreign, kinds[i].is_foreign, "%s", kinds[i].data);
	}
}

Test(token, every_truncation_is_read_within_its_bounds)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		for (size_t len = 0; len < strlen(events[i].data); len++) {
			uint8_t *data = guard_alloc(len);
			struct event e = {.data = slice_of(data, len)};
			struct token t;

			memcpy(data, events[i].data, len);
			token_read(&t, &e);
			if (len && events[i].data[0] == '{')
				cr_expect(t.is_malformed, "%s at %zu", events[i].data, len);
			guard_free(data, len);
		}
}
