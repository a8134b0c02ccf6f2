// SPDX-License-Identifier: BSD-3-Clause
#include "l4/model/conf_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "l4/model/conf_field.h"

// Reads `text` as the value of `key` into the struct at `base`.
typedef int (*read_fn)(const struct conf_value_sink *sink, const struct conf_place *place,
                       const struct conf_key *key, const char *text, void *base);

int conf_value_integer(const struct conf_value_sink *sink, const struct conf_place *place,
                       const struct conf_key *key, long long value, void *base)
{
	if (value == 7 && key->max == 6 && strcmp(key->name, "config_id") == 0)
		return conf_place_err(place, sink->err, -EINVAL,
		                      "7 is not in 0..6 (7 is reserved by the draft)");
	if (value < (long long)key->min || value > (long long)key->max)
		return conf_place_err(place, sink->err, -EINVAL, "%lld is not in %u..%u", value,
		                      key->min, key->max);
	conf_field_set(key, base, (uint32_t)value);
	return 0;
}

static int read_word(const struct conf_value_sink *sink, const struct conf_place *place,
                     const struct conf_key *key, const char *text, void *base)
{
	int word = conf_word(key->words, key->n_words, text);
	char quote[CONF_QUOTE_SIZE], list[128] = "";
	size_t n = 0;

	if (word >= 0) {
		conf_field_set(key, base, (uint32_t)word);
		return 0;
	}
	for (size_t i = 0; i < key->n_words; i++)
		if (key->words[i][0] && n < sizeof(list))
			n += (size_t)snprintf(list + n, sizeof(list) - n, " \"%s\"", key->words[i]);
	return conf_place_err(place, sink->err, -EINVAL, "%s is not one of%s",
	                      conf_place_quote(text, quote), list);
}

static int keep_text(const struct conf_value_sink *sink, const struct conf_key *key,
                     const char *text, void *base)
{
	const char *copy = arena_strdup(sink->arena, text);

	if (!copy)
		return err_set(sink->err, -ENOMEM, "out of memory");
	*(const char **)conf_field_at(key, base) = copy;
	return 0;
}

static int read_name(const struct conf_value_sink *sink, const struct conf_place *place,
                     const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];

	if (!conf_key_is_name(text))
		return conf_place_err(
			place, sink->err, -EINVAL,
			"%s is not a name (1..%d of A-Z a-z 0-9 _ . - and no . or - first)",
			conf_place_quote(text, quote), CONF_NAME_MAX);
	return keep_text(sink, key, text, base);
}

static int read_text(const struct conf_value_sink *sink, const struct conf_place *place,
                     const struct conf_key *key, const char *text, void *base)
{
	size_t n = strlen(text);

	if (n < key->min || n > key->max)
		return conf_place_err(place, sink->err, -EINVAL, "%zu bytes long, not %u..%u", n,
		                      key->min, key->max);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]))
			return conf_place_err(place, sink->err, -EINVAL,
			                      "holds a control character");
	return keep_text(sink, key, text, base);
}

static int read_lines(const struct conf_value_sink *sink, const struct conf_place *place,
                      const struct conf_key *key, const char *text, void *base)
{
	size_t n = strlen(text);

	if (n < key->min || n > key->max)
		return conf_place_err(place, sink->err, -EINVAL, "%zu bytes long, not %u..%u", n,
		                      key->min, key->max);
	for (size_t i = 0; i < n; i++)
		if (iscntrl((unsigned char)text[i]) && text[i] != '\n' && text[i] != '\t')
			return conf_place_err(place, sink->err, -EINVAL,
			                      "holds a control character");
	return keep_text(sink, key, text, base);
}

// RFC 9110 section 5.6.2.
static bool is_token(const char *text)
{
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("!#$%&'*+-.^_`|~", *text))
			return false;
	return true;
}

static int read_token(const struct conf_value_sink *sink, const struct conf_place *place,
                      const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];

	if (!is_token(text))
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%s is not a token (letters, digits and !#$%%&'*+-.^_`|~)",
		                      conf_place_quote(text, quote));
	return read_text(sink, place, key, text, base);
}

// RFC 3986 section 3.3: visible ASCII; '#' begins a fragment, which no request carries.
static int read_path(const struct conf_value_sink *sink, const struct conf_place *place,
                     const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];

	if (text[0] != '/')
		return conf_place_err(place, sink->err, -EINVAL, "%s does not begin with \"/\"",
		                      conf_place_quote(text, quote));
	for (size_t i = 0; text[i]; i++)
		if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '#')
			return conf_place_err(place, sink->err, -EINVAL,
			                      "%s is not the path of a URL",
			                      conf_place_quote(text, quote));
	return read_text(sink, place, key, text, base);
}

// RFC 1123 section 2.1: labels of 1..63 letters, digits and inner hyphens, 253 bytes in all.
// Underscores are common in practice.
static bool is_host(const char *text, bool is_wild)
{
	size_t n = strlen(text), label = 0;

	if (is_wild && n > 2 && text[0] == '*' && text[1] == '.') {
		text += 2;
		n -= 2;
	}
	for (size_t i = 0; i < n; i++) {
		bool is_edge = label == 0 || text[i + 1] == '.' || text[i + 1] == '\0';

		if (text[i] == '.' && label == 0)
			return false;
		if (text[i] != '.' && text[i] != '_' && !isalnum((unsigned char)text[i]) &&
		    (text[i] != '-' || is_edge))
			return false;
		label = text[i] == '.' ? 0 : label + 1;
		if (label > 63)
			return false;
	}
	return n <= 253 && label > 0;
}

static int read_host(const struct conf_value_sink *sink, const struct conf_place *place,
                     const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];

	if (!is_host(text, key->is_wild))
		return conf_place_err(place, sink->err, -EINVAL, "%s is not a host name%s",
		                      conf_place_quote(text, quote),
		                      key->is_wild ? " or \"*.\" and one" : "");
	return keep_text(sink, key, text, base);
}

// What people write who think of a URL, a command line or the name service; "" = nothing that we know.
static const char *address_hint(const char *text)
{
	static const char address_has[] = "0123456789abcdefABCDEF:.";
	const char *colon = strchr(text, ':');

	if (strchr(text, '['))
		return " (write it without brackets)";
	if (strchr(text, '/'))
		return " (write it without a prefix length)";
	if (strchr(text, '%'))
		return " (write it without a zone)";
	if (colon && strchr(text, '.') && !strchr(colon + 1, ':'))
		return " (the port is a key of its own)";
	return text[strspn(text, address_has)] && !colon ? " (names are not looked up)" : "";
}

static int read_address(const struct conf_value_sink *sink, const struct conf_place *place,
                        const struct conf_key *key, const char *text, void *base)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff}; // RFC 4291 section 2.5.5.2
	char quote[CONF_QUOTE_SIZE];
	struct addr address;

	if (addr_parse(&address, text))
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%s is not an IPv4 or IPv6 address%s",
		                      conf_place_quote(text, quote), address_hint(text));
	if (address.family == ADDR_IP6 && memcmp(address.ip6, mapped, sizeof(mapped)) == 0)
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%s is an IPv4 address, write it as one",
		                      conf_place_quote(text, quote));
	*(struct addr *)conf_field_at(key, base) = address;
	return 0;
}

static int read_mac(const struct conf_value_sink *sink, const struct conf_place *place,
                    const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];
	struct mac mac;

	if (mac_parse(&mac, text))
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%s is not a MAC address like \"02:00:00:00:00:0b\"",
		                      conf_place_quote(text, quote));
	if (mac_is_zero(&mac) || (mac.byte[0] & 1)) // IEEE 802: the first bit says group
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%s is not the address of one station",
		                      conf_place_quote(text, quote));
	*(struct mac *)conf_field_at(key, base) = mac;
	conf_field_set_count(key, base, 1);
	return 0;
}

// May be a secret, so no message repeats it.
static int read_hex(const struct conf_value_sink *sink, const struct conf_place *place,
                    const struct conf_key *key, const char *text, void *base)
{
	uint8_t *field = conf_field_at(key, base);
	size_t n = strlen(text), n_bytes = n / 2;

	if (key->min == key->max && n != 2 * key->max)
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%zu characters, not %u hex digits", n, 2 * key->max);
	if (n % 2 || n_bytes < key->min || n_bytes > key->max)
		return conf_place_err(place, sink->err, -EINVAL,
		                      "%zu characters, not %u..%u hex digits, two a byte", n,
		                      2 * key->min, 2 * key->max);
	for (size_t i = 0; i < n; i++)
		if (!isxdigit((unsigned char)text[i]))
			return conf_place_err(place, sink->err, -EINVAL,
			                      "character %zu is not a hex digit", i + 1);
	for (size_t i = 0; i < n_bytes; i++)
		sscanf(text + 2 * i, "%2hhx", &field[i]);
	conf_field_set_count(key, base, key->min == key->max ? 1 : (uint32_t)n_bytes);
	return 0;
}

// Three digits, RFC 9110 section 15; returns what follows them or NULL.
static const char *take_status(const char *text, uint16_t *out)
{
	for (size_t i = 0; i < 3; i++)
		if (!isdigit((unsigned char)text[i]))
			return NULL;
	*out = (uint16_t)((text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0'));
	return *out >= 100 && *out <= 599 ? text + 3 : NULL;
}

static int read_status(const struct conf_value_sink *sink, const struct conf_place *place,
                       const struct conf_key *key, const char *text, void *base)
{
	char quote[CONF_QUOTE_SIZE];
	struct conf_status status = {0};
	const char *end = take_status(text, &status.first);

	status.last = status.first;
	if (end && *end == '-')
		end = take_status(end + 1, &status.last);
	if (!end || *end || status.last < status.first)
		return conf_place_err(
			place, sink->err, -EINVAL,
			"%s is not an HTTP status like \"200\" or a range like \"200-299\"",
			conf_place_quote(text, quote));
	*(struct conf_status *)conf_field_at(key, base) = status;
	return 0;
}

static const read_fn readers[KEY_TYPE_COUNT] = {
	[KEY_WORD] = read_word,   [KEY_NAME] = read_name,       [KEY_TEXT] = read_text,
	[KEY_LINES] = read_lines, [KEY_TOKEN] = read_token,     [KEY_PATH] = read_path,
	[KEY_HOST] = read_host,   [KEY_ADDRESS] = read_address, [KEY_MAC] = read_mac,
	[KEY_HEX] = read_hex,     [KEY_STATUS] = read_status,
};

int conf_value_text(const struct conf_value_sink *sink, const struct conf_place *place,
                    const struct conf_key *key, const char *text, void *base)
{
	return readers[key->type](sink, place, key, text, base);
}
