// SPDX-License-Identifier: BSD-3-Clause
// The one list of the configuration's keys. Reading, unknown keys, defaults, writing, copying, the
// comparison before a reload, conf/schema.json and conf/reference.md all walk these tables, so a
// new key is one line in conf_key.c (and a rule in conf_check.c if it depends on others).
// Inside l4/model/conf*.c and the test that writes conf/ only.
#pragma once

#include "l4/model/conf.h"

enum conf_key_type {
	KEY_NONE,
	KEY_INTEGER, // uint8_t, uint16_t or uint32_t by `size`, min..max
	KEY_PORT,    // be16, min..max
	KEY_BOOLEAN, // bool
	KEY_WORD,    // uint8_t, index into `words`
	KEY_NAME,    // const char *, see conf_key_is_name()
	KEY_TEXT,    // const char *, min..max bytes without control characters
	KEY_PATH,    // const char *, of a URL: begins with '/', min..max bytes
	KEY_LINES,   // const char *, min..max bytes without control characters but newline and tab
	KEY_TOKEN,   // const char *, min..max bytes of RFC 9110's token: methods, names of headers
	KEY_HOST,    // const char *, a host name; if is_wild also "*." and one
	KEY_ADDRESS, // struct addr
	KEY_MAC, // struct mac; bool at n_offset says whether there is one (n_size 0: zero = none)
	KEY_HEX, // bytes; min == max: bool at n_offset, else uint8_t count at n_offset
	KEY_STATUS, // struct conf_status, "200" or "200-299"
	KEY_OBJECT, // a struct in place, `object`; bool at n_offset if it may be absent
	KEY_LIST,   // pointer to min..max elements `item`, their number at n_offset
	KEY_TYPE_COUNT
};

struct conf_object;

struct conf_key {
	const char *name;
	uint8_t type;     // enum conf_key_type
	bool is_required; // in the file, whenever its object is there
	bool is_fixed;    // can only change by a restart; covers everything below it
	bool is_grown;    // a list that a reload may only append to
	bool is_wild;     // a host that may begin with "*."
	uint8_t n_size;   // bytes of the count or presence flag, 0 = none
	uint8_t n_words;
	uint16_t offset;   // of the field in its struct
	uint16_t size;     // bytes of the field; of one element in an `item`
	uint16_t n_offset; // of the count or presence flag in the same struct
	uint32_t min, max; // of an integer's value, a text's or hex's bytes, a list's elements
	uint32_t initial;  // default of an integer, a boolean (0, 1) or a word
	// The default where it depends on the object's other keys, all read; NULL = `initial`.
	uint32_t (*derive)(const void *object);
	const char *text;         // default of a text or an address, NULL = none
	const char *const *words; // [n_words]; "" where the file has no word
	const struct conf_object *object;
	const struct conf_key *item;
	const char *unit;      // "ms"; NULL = none
	const char *otherwise; // the default in words, where `initial` and `text` do not say it
	const char *help;
};

struct conf_object {
	const char *title;
	const struct conf_key *keys; // in the order of writing
	uint16_t n_keys;
};

extern const struct conf_object conf_key_root; // of struct conf

// A name is 1..CONF_NAME_MAX of A-Z a-z 0-9 _ . - and begins with a letter, a digit or '_': safe as
// an argument (no leading '-'), as a file name (no leading '.') and beside lbreplay's lone "-".
bool conf_key_is_name(const char *text);
