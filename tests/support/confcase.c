// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/confcase.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char confcase_base[] =
	"{\n"
	"  'node': 'edge-1',\n"
	"  'ports': [\n"
	"    {'name': 'wan', 'driver': 'pcap', 'rx': 'in.pcap', 'tx': 'out.pcap'},\n"
	"    {'name': 'lan', 'driver': 'af_xdp', 'device': 'eth1', 'queues': 2},\n"
	"    {'name': 'mgmt', 'driver': 'pci', 'device': '0000:01:00.0', 'punt': 'tap'}\n"
	"  ],\n"
	"  'control_l7': 'lb7d.sock', 'worker_memory_mb': 64, 'worker_connections': 5000,\n"
	"  'access_log': '-', 'admin': {'address': '::1', 'port': 9047},\n"
	"  'lanes': [2, 3],\n"
	"  'snat': {'addresses': ['10.0.0.2', '2001:db8:1::2'], 'port_first': 2048},\n"
	"  'services': [\n"
	"    {'name': 'web', 'address': '203.0.113.10', 'port': 80, 'protocol': 'tcp',\n"
	"     'pool': 'web', 'flow_table': false},\n"
	"    {'name': 'h3', 'address': '203.0.113.10', 'port': 443, 'protocol': 'quic',\n"
	"     'forward': 'nat', 'pool': 'h3', 'quic_lb': [\n"
	"       {'config_id': 0, 'server_id_length': 3, 'nonce_length': 4,\n"
	"        'key': '8f95f09245765f80256934e50c66207f'},\n"
	"       {'config_id': 5, 'server_id_length': 3, 'nonce_length': 16, 'draft': 18}]},\n"
	"    {'name': 'api', 'address': '203.0.113.10', 'port': 443, 'protocol': 'tcp',\n"
	"     'l7': 'api'},\n"
	"    {'name': 'six', 'address': '2001:db8::10', 'port': 53, 'protocol': 'udp',\n"
	"     'forward': 'nat', 'pool': 'six'},\n"
	"    {'name': 'far', 'address': '203.0.113.20', 'port': 4430, 'protocol': 'tcp',\n"
	"     'l7': 'far'}\n"
	"  ],\n"
	"  'l7': [\n"
	"    {'name': 'api', 'tls': [{'certificate': 'api.pem', 'key': 'api.key'}], 'routes': [\n"
	"      {'host': 'api.example.com', 'path': '/chat/', 'pool': 'chat'},\n"
	"      {'path': '/', 'pool': 'chat'}]},\n"
	"    {'name': 'far', 'hosts': 'far', 'tls': [{'certificate': 'c', 'key': 'k'}],\n"
	"     'tls_min': '1.3', 'proxy_protocol': true, 'forwarded': 'append',\n"
	"     'limits': {'line': 4096, 'header': 16384, 'headers': 50, 'body_kb': 1024},\n"
	"     'timeouts': {'header_ms': 11, 'client_idle_ms': 12, 'connect_ms': 13,\n"
	"                  'first_byte_ms': 14, 'stream_idle_ms': 15, 'total_ms': 16},\n"
	"     'streams': {'measure': 'tokens', 'models': ['gpt-4o', 'm 2'], 'operation': 'chat',\n"
	"      'provider': 'aws.bedrock', 'event_kb': 12,\n"
	"                 'stalled_ms': 3000},\n"
	"     'sse_keepalive_ms': 15000, 'websocket_ping_ms': 30000,\n"
	"     'routes': [{'host': '*.example.net', 'path': '/v1', 'match': 'exact', 'method': 'GET',\n"
	"       'headers': [{'name': 'X-A', 'value': 'a b'}, {'name': 'X-B'}],\n"
	"       'cookies': [{'name': 'user', 'value': 'me'}],\n"
	"       'query': [{'name': 'q', 'value': ''}], 'pool': 'rest', 'rewrite': '/v2',\n"
	"       'set_request_headers': [{'name': 'Host', 'value': 'rest'}],\n"
	"       'set_response_headers': [{'name': 'X-C', 'value': ''}, {'name': 'X-D', 'value': 'd'}],\n"
	"       'remove_request_headers': ['X-E', 'X-F'],\n"
	"       'remove_response_headers': ['Server'], 'retries': 3},\n"
	"      {'path': '/old', 'redirect': {'status': 308, 'location': 'https://$host/new$uri'}},\n"
	"      {'path': '/hi', 'answer': {'status': 404, 'body': '<p>\\n\\thi', 'content_type': 'text/html'}}]}\n"
	"  ],\n"
	"  'pools': [\n"
	"    {'name': 'web', 'table_size': 251, 'health': {'type': 'http', 'interval_ms': 300},\n"
	"     'backends': [\n"
	"       {'name': 'web-1', 'address': '10.0.0.11', 'port': 80, 'weight': 7},\n"
	"       {'name': 'web-2', 'address': '10.0.0.12', 'port': 80, 'state': 'drain',\n"
	"        'mac': '02:00:00:00:00:0b'}]},\n"
	"    {'name': 'h3', 'health': {'type': 'tcp'}, 'backends': [\n"
	"       {'name': 'h3-1', 'address': '10.0.0.31', 'port': 8443, 'server_id': '000001'},\n"
	"       {'name': 'h3-2', 'address': '10.0.0.32', 'port': 8443, 'server_id': '000002'}]},\n"
	"    {'name': 'six', 'backends': [\n"
	"       {'name': 'six-1', 'address': '2001:db8:1::11', 'port': 5353}]},\n"
	"    {'name': 'chat', 'balance': 'least_requests', 'backends': [\n"
	"       {'name': 'chat-1', 'address': '127.0.0.1', 'port': 8080}]},\n"
	"    {'name': 'far', 'when_unhealthy': 'none',\n"
	"     'health': {'type': 'https', 'jitter_percent': 20, 'port': 9000,\n"
	"                'status': ['200-299', '404'], 'host': 'a.example', 'server_name': 'b.example'},\n"
	"     'backends': [{'name': 'far-1', 'address': '10.0.0.51', 'port': 4430}]},\n"
	"    {'name': 'rest', 'hash': {'by': 'header', 'name': 'X-User'},\n"
	"     'tls': {'ca': 'ca.pem', 'server_name': 'c.example'},\n"
	"     'proxy_protocol': true, 'keepalive': 8, 'protocol': 'auto',\n"
	"     'http2': {'streams': 7, 'connections': 3, 'ping_ms': 900},\n"
	"     'retry_budget': {'percent': 5, 'per_second': 2},\n"
	"     'health': {'type': 'grpc', 'service': 'a.B', 'server_name': 'd.example'},\n"
	"     'backends': [{'name': 'rest-1', 'address': '10.0.0.61', 'port': 9443}]}\n"
	"  ]\n"
	"}\n";

static void need(bool is_fine, const char *what, const char *detail)
{
	if (is_fine)
		return;
	fprintf(stderr, "confcase: %s: %s\n", what, detail);
	abort();
}

char *confcase_json(const char *text)
{
	char *copy = strdup(text);

	need(copy, "strdup", "no memory");
	for (char *p = copy; *p; p++)
		if (*p == '\'')
			*p = '"';
	return copy;
}

static char *patched(const char *from, const char *to)
{
	const char *at = from ? strstr(confcase_base, from) : NULL;
	char *text, *json;

	if (!from)
		return confcase_json(confcase_base);
	need(at && !strstr(at + 1, from), "does not occur exactly once", from);
	need(asprintf(&text, "%.*s%s%s", (int)(at - confcase_base), confcase_base, to,
	              at + strlen(from)) >= 0,
	     "asprintf", "no memory");
	json = confcase_json(text);
	free(text);
	return json;
}

static const char *verdict(char *json)
{
	static struct err err;
	struct conf *conf;

	err = (struct err){0};
	if (!conf_parse(&conf, json, strlen(json), &err))
		conf_free(conf);
	free(json);
	return err.msg;
}

const char *confcase_error(const char *from, const char *to)
{
	return verdict(patched(from, to));
}

const char *confcase_text_error(const char *text)
{
	return verdict(confcase_json(text));
}

struct conf *confcase_parse(const char *from, const char *to)
{
	char *json = patched(from, to);
	struct err err = {0};
	struct conf *conf = NULL;

	need(conf_parse(&conf, json, strlen(json), &err) == 0, "not valid", err.msg);
	free(json);
	return conf;
}

char *confcase_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20);

	need(f && text, "cannot read", path);
	need(fread(text, 1, (1 << 20) - 1, f) > 0, "is empty", path);
	fclose(f);
	return text;
}
