// SPDX-License-Identifier: BSD-3-Clause
// What an event of a language model's stream says about output: whether it bears content, how many tokens it states, whether it ends
// the stream or reports an error in it. The dialects are told apart by their members, not by configuration:
//
//   OpenAI chat          choices[].delta.{content,reasoning_content,reasoning,refusal,tool_calls,...}; usage with
//                        completion_tokens_details.{reasoning_tokens,rejected_prediction_tokens}; [DONE]
//   OpenAI completions   choices[].text
//   OpenAI responses     "type": "response.*.delta" with "delta"; response.usage with output_tokens_details.reasoning_tokens;
//                        response.completed, .failed, .incomplete
//   Gemini               candidates[].content.parts[] with text, functionCall and others; thought: true; usageMetadata, cumulative, whose
//                        thoughtsTokenCount comes on top of candidatesTokenCount; finishReason
//   Anthropic            content_block_delta with delta.{text,thinking,partial_json}; usage, cumulative, with
//                        output_tokens_details.thinking_tokens; message_stop; ping
//   errors in the stream "error": {...}, the event or the type "error", response.failed, "object": "error"
//
// Sources: the API references of OpenAI (chat/completions streaming, responses streaming) and Anthropic (messages streaming), and
// vLLM's serving_chat.py for reasoning_content and errors in the stream, anthropic-sdk-python issue 1017 for thinking_tokens; Gemini API,
// GenerateContentResponse, and any-llm pull request 1291 for what its counts add up to. Nothing is kept and nothing changed.
#pragma once

#include "l7/event_stream.h"

enum { TOKEN_COUNT_MAX = 1 << 30 }; // more in one answer counts as not stated

struct token {
	uint64_t tokens_in;  // of the prompt, if has_tokens_in
	uint64_t tokens_out; // generated until now, if has_tokens_out
	// Of tokens_out, 0 = not said: what was thought, whether events showed it or not; what was predicted and then not said.
	uint64_t tokens_reasoning, tokens_rejected;
	struct slice
		model; // as written in the event, escapes and all; empty: not said. Borrowed from the event
	bool is_content;   // bears output: a role, a ping, an empty string do not
	bool is_reasoning; // likewise, and it is of the reasoning, or of a summary of it
	bool is_end;       // says that nothing more will be generated
	bool is_error;     // reports a failure, whatever the HTTP status was
	bool is_malformed; // neither JSON nor [DONE], nor empty, as heartbeats are
	bool is_known;     // by its members or its name it is of one of these dialects
	bool is_foreign;   // it is of none, and says something
	bool has_tokens_in, has_tokens_out;
};

void token_read(struct token *t, const struct event *e);

// A value of an event that may be another one without changing what the event says, in bytes of its data.
struct token_value {
	uint16_t start, end; // of a string: between its quotes
	bool is_string;      // else a number
	bool may_be_empty;
};

// The first `most` of those of an event without faults, in their order; returns how many. data.len < 65536.
size_t token_values(struct slice data, struct token_value *values, size_t most);
