// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The compiled code at the other end of a pipe: model.py and crosscheck.py ask,
 * line by line, and compare with what they make of it themselves.
 *
 *   layout SIZE                     -> BLOCKS LENGTH
 *   split LENGTH                    -> BLOCKS TAIL ERROR SIZE
 *   file LENGTH HEADER UNIT...      -> SIZE FINDINGS DATA
 *        HEADER: "-", or flags; UNIT: BLOCK:USED:LAST:DATA; DATA: runs COUNT*BYTE,...
 *   hkdf SALT IKM INFO LENGTH       -> BYTES		(all bytes in hex, "-" for none)
 *   hmac KEY DATA                   -> BYTES
 *   siv KEYS TYPE AD TEXT           -> BYTES
 *   recovery KEY                    -> TEXT
 *
 * The readers, of a vault with this UUID and master key:
 *
 *   vault UUID MASTER FILE TYPE SECRET -> MASTER	(as the slot of that type gives it)
 *   epoch UUID MASTER FILE          -> EPOCH FLAGS SEQUENCE SERIAL
 *   policy UUID FILE                -> ok
 *   recode UUID MASTER FILE         -> FILE	(a policy that is authentic, decoded, and compiled again)
 *   decide UUID FILE USER GROUP LOGIN THREAD PROGRAM PLACE NOW OPERATIONS -> TEXT
 *   renews UUID OLD NEW             -> ERRNO
 *   content UUID MASTER FILE        -> DATA
 *   name UUID MASTER DIRID LOWER FULL -> NAME
 *   target UUID MASTER LOWER        -> TARGET
 *   xattr UUID MASTER DIRID|HEADER LOWER VALUE -> NAME VALUE
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "header.h"
#include "layout.h"
#include "rules.h"
#include "lib/crypt.h"
#include "lib/filedata.h"
#include "lib/policyfile.h"
#include "lib/text.h"
#include "lib/tree.h"
#include "writer.h"

#define MAX	(1 << 20)

static struct writer w;
static struct writer_file f;
static struct ward_tree tree;
static uint8_t out[MAX];
static unsigned int findings;
static char *next;		/* what is left of the line */

static char *word(void)
{
	char *p = strsep(&next, " \n");

	return p ? p : (char *)"";
}

static uint64_t number(void)
{
	return strtoull(word(), NULL, 10);
}

static size_t hex(uint8_t *bytes)
{
	char *p = word();
	unsigned int v;
	size_t n = 0;

	if (*p == '-')
		return 0;
	for (; p[0] && p[1] && n < 4096; p += 2) {
		sscanf(p, "%2x", &v);
		bytes[n++] = v;
	}
	return n;
}

static void answer(int err, const uint8_t *bytes, size_t len)
{
	size_t i;

	if (err)
		printf("error %d", err);
	for (i = 0; !err && i < len; i++)
		printf("%02x", bytes[i]);
	putchar('\n');
}

static void do_layout(void)
{
	uint64_t size = number();

	printf("%llu %llu\n", (unsigned long long)ward_layout_blocks(size),
	       (unsigned long long)ward_layout_length(size));
}

static void do_split(void)
{
	uint64_t length = number();
	struct ward_extent e = ward_layout_split(length);
	u64 size;
	int err = ward_layout_size(length, &size);

	printf("%llu %u %d %llu\n", (unsigned long long)e.blocks, e.tail, !!err,
	       (unsigned long long)size);
}

static size_t runs(char *text, uint8_t *bytes)
{
	size_t n = 0;

	while (*text) {
		size_t count = strtoul(text, &text, 10);
		int byte = strtol(text + 1, &text, 16);

		if (n + count > 4064)
			abort();
		memset(bytes + n, byte, count);
		n += count;
		text += *text == ',';
	}
	return n;
}

static int sink_data(void *ctx, uint64_t pos, const uint8_t *bytes, size_t len)
{
	(void)ctx;
	if (pos + len > MAX)
		abort();
	memcpy(out + pos, bytes, len);
	return 0;
}

static void sink_found(void *ctx, enum ward_found what, uint64_t first, uint64_t last)
{
	(void)ctx;
	(void)first;
	(void)last;
	findings++;
	if (!ward_found_crash(what))
		abort();		/* the model knows of no such thing */
}

static void do_file(void)
{
	struct ward_sink sink = { sink_data, sink_found, NULL };
	uint8_t block[4096], text[4064];
	struct ward_filekey fk;
	uint64_t length = number(), size, k, at;
	char *p, *unit;
	int fd, err;

	fd = memfd_create("lower", 0);
	p = word();
	writer_file_new(&w, &f);
	if (*p != '-') {
		writer_header(&w, &f, atoi(p), block);
		if (pwrite(fd, block, 512, 0) != 512)
			abort();
	}
	while (*(unit = word())) {
		unsigned int last;
		size_t used;

		k = strtoull(strsep(&unit, ":"), NULL, 10);
		used = strtoul(strsep(&unit, ":"), NULL, 10);
		last = strtoul(strsep(&unit, ":"), NULL, 10);
		if (runs(unit, text) != used)
			abort();
		at = writer_unit(&w, &f, k, text, used, last, block);
		if (pwrite(fd, block, at, k ? k * 4096 : 512) != (ssize_t)at)
			abort();
	}
	if (ftruncate(fd, length))
		abort();
	memset(out, 0, MAX);
	findings = 0;
	err = ward_filedata_read(&tree, fd, &sink, &fk, &size);
	close(fd);
	if ((err && err != -ENODATA) || size > MAX)
		abort();
	printf("%llu %u ", (unsigned long long)size, findings);
	for (at = 0; at < size; at = k) {
		for (k = at; k < size && out[k] == out[at]; k++)
			;
		printf("%s%llu*%02x", at ? "," : "", (unsigned long long)(k - at), out[at]);
	}
	putchar('\n');
}

static void do_hkdf(void)
{
	static uint8_t salt[4096], ikm[4096], info[4096], got[4096];
	size_t s = hex(salt), k = hex(ikm), i = hex(info), n = number();

	answer(ward_hkdf_salt(salt, s, ikm, k, info, i, got, n), got, n);
}

static void do_hmac(void)
{
	static uint8_t key[4096], data[4096], mac[32];
	size_t n;

	hex(key);
	n = hex(data);
	answer(ward_hmac_sha256(key, data, n, mac), mac, 32);
}

static void do_siv(void)
{
	static uint8_t keys[4096], ad[4096], text[4096], sealed[4112];
	size_t a, n;
	int type;

	hex(keys);
	type = number();
	a = hex(ad);
	n = hex(text);
	answer(ward_siv_seal(keys, type, ad, a, text, n, sealed), sealed, 16 + n);
}

static void do_recovery(void)
{
	static uint8_t key[4096];
	char text[WARD_RECOVERY_TEXT];

	hex(key);
	puts(ward_text_recovery(key, text) ? "error" : text);
}

/* Bytes of any length; of the line's next word. */
static uint8_t *bytes(size_t *len)
{
	char *p = word();
	uint8_t *b = calloc(1, strlen(p) / 2 + 1);
	unsigned int v;

	for (*len = 0; *p && *p != '-'; p += 2) {
		sscanf(p, "%2x", &v);
		b[(*len)++] = v;
	}
	return b;
}

static void derive(const char *label, uint8_t key[32])
{
	if (ward_hkdf(tree.master.uuid, tree.master.key, 32, label, NULL, 0, key, 32))
		abort();
}

/* The vault that is spoken of: its UUID and its master key. */
static void other_vault(void)
{
	hex(tree.master.uuid);
	hex(tree.master.key);
	derive(WARD_LABEL_WRAP, tree.wrap);
	derive(WARD_LABEL_NAMES, tree.names);
	derive(WARD_LABEL_LINKS, tree.links);
}

static void do_vault(void)
{
	struct ward_vaults vaults = { 0 };
	struct ward_master master = { 0 };
	struct ward_factor factor = { 0 };
	int dir, fd, err;
	size_t len;
	uint8_t *b;
	char path[] = "/tmp/ward-peer-XXXXXX";

	other_vault();
	b = bytes(&len);
	if (!mkdtemp(path))
		abort();
	dir = open(path, O_RDONLY | O_DIRECTORY);
	fd = openat(dir, "vault", O_WRONLY | O_CREAT, 0600);
	if (fd < 0 || write(fd, b, len) != (ssize_t)len)
		abort();
	close(fd);
	free(b);
	factor.type = number();
	b = bytes(&factor.length);
	factor.data = b;
	err = ward_vaults_load(dir, &vaults);
	if (!err)
		err = ward_vaults_open(&vaults, &factor, &master);
	answer(err, master.key, 32);
	ward_vaults_free(&vaults);
	free(b);
	unlinkat(dir, "vault", 0);
	close(dir);
	rmdir(path);
}

static void do_epoch(void)
{
	struct ward_epoch e;
	uint8_t mac[32], *b;
	size_t len;
	int err;

	other_vault();
	derive(WARD_LABEL_EPOCH_MAC, mac);
	b = bytes(&len);
	err = ward_epoch_parse(b, len, tree.master.uuid, mac, &e);
	if (!err)
		err = ward_epoch_check((void *)b, tree.master.uuid);	/* the kernel's */
	if (err)
		printf("error %d\n", err);
	else
		printf("%u %u %llu %llu\n", e.number, e.flags, (unsigned long long)e.sequence,
		       (unsigned long long)e.policy_serial);
	free(b);
}

static void do_policy(void)
{
	struct ward_policy_traits traits;
	uint8_t uuid[16], *b;
	size_t len;
	int err;

	hex(uuid);
	b = bytes(&len);
	err = ward_policy_validate(b, len, uuid, &traits);
	if (err)
		printf("error %d\n", err);
	else
		puts("ok");
	free(b);
}

static void do_recode(void)
{
	struct ward_policy policy = { 0 };
	size_t len, again = 0;
	void *blob = NULL;
	uint8_t *b;
	int err;

	other_vault();
	b = bytes(&len);
	err = ward_policy_authentic(b, len, &tree.master) ?:
	      ward_policy_decode(b, len, tree.master.uuid, &policy) ?:
	      ward_policy_compile(&policy, &tree.master, policy.serial, &blob, &again);
	answer(err, blob, again);
	ward_policy_free(&policy);
	free(blob);
	free(b);
}

static bool in_group(u32 gid, void *arg)
{
	return gid == *(u32 *)arg;
}

static bool print_limit(const struct ward_rule *r, const struct ward_burst *b, u32 nth, u32 ops, void *arg)
{
	printf(" %u/%u/%llu", le32_to_cpu(b->what), le32_to_cpu(b->seconds),
	       (unsigned long long)le64_to_cpu(b->most));
	return true;
}

static void do_decide(void)
{
	struct ward_policy_traits traits;
	struct ward_actor who = { .in_group = in_group };
	struct ward_verdict v;
	uint8_t uuid[16], *b, *program, *place;
	size_t len, n;
	char *login, *thread;
	u32 group, ops;

	hex(uuid);
	b = bytes(&len);
	who.fsuid = number();
	group = number();
	who.arg = &group;
	login = word();
	who.has_login = *login != '-';
	who.loginuid = strtoul(login, NULL, 10);
	thread = word();
	who.kernel = *thread != '-';
	who.kthread = thread;
	program = bytes(&n);
	if (n == sizeof(*who.program))
		who.program = (void *)program;
	place = bytes(&n);
	if (n)
		who.place = place;
	who.place_len = n;
	who.now = number();
	ops = number();
	if (ward_policy_validate(b, len, uuid, &traits)) {
		puts("error");
	} else {
		ward_policy_decide(b, &who, ops, &v);
		printf("%s%s%s", v.allow ? "allow" : "refuse", v.record ? " record" : "",
		       v.silent ? " silent" : "");
		if (v.allow && v.limited)
			ward_policy_limits(b, &who, ops, print_limit, NULL);
		printf(": %s\n", v.rule ? (const char *)v.rule->name : "");
	}
	free(b);
	free(program);
	free(place);
}

static void do_renews(void)
{
	struct ward_policy_traits traits;
	uint8_t uuid[16], *old, *new;
	size_t a, b;

	hex(uuid);
	old = bytes(&a);
	new = bytes(&b);
	if (ward_policy_validate(old, a, uuid, &traits) || ward_policy_validate(new, b, uuid, &traits))
		puts("error");
	else
		printf("%d\n", -ward_policy_renews(old, new));
	free(old);
	free(new);
}

static void do_content(void)
{
	struct ward_sink sink = { sink_data, sink_found, NULL };
	struct ward_filekey fk;
	uint64_t size = 0;
	uint8_t *b;
	size_t len;
	int fd, err;

	other_vault();
	b = bytes(&len);
	fd = memfd_create("lower", 0);
	if (write(fd, b, len) != (ssize_t)len)
		abort();
	memset(out, 0, MAX);
	err = ward_filedata_read(&tree, fd, &sink, &fk, &size);
	answer(err, out, size);
	close(fd);
	free(b);
}

static void do_name(void)
{
	uint8_t id[16], keys[64];
	char name[WARD_NAME_MAX + 1], *lower, *full;
	int n;

	other_vault();
	hex(id);
	lower = word();
	full = word();
	if (ward_hkdf(tree.master.uuid, tree.names, 32, WARD_LABEL_DIR, id, 16, keys, 64))
		abort();
	n = ward_name_open(keys, lower, *full == '-' ? NULL : full, name);
	answer(n < 0 ? n : 0, (uint8_t *)name, n < 0 ? 0 : n);
}

static void do_target(void)
{
	char target[WARD_TARGET_MAX + 1];
	int n;

	other_vault();
	n = ward_target_open(tree.master.uuid, tree.links, word(), target);
	answer(n < 0 ? n : 0, (uint8_t *)target, n < 0 ? 0 : n);
}

static void do_xattr(void)
{
	uint8_t keys[64], value[4096], *owner, *sealed;
	char name[WARD_XNAME_MAX + 1], *lower;
	struct ward_filekey fk;
	enum ward_found what;
	size_t len, n;
	int err;

	other_vault();
	owner = bytes(&n);
	lower = word();
	sealed = bytes(&len);
	if (n == 16)
		err = ward_hkdf(tree.master.uuid, tree.names, 32, WARD_LABEL_XATTR, owner, 16,
				keys, 64);
	else
		err = ward_filekey_open(&tree, owner, &fk, &what) ?:
		      ward_filekey_xattrs(&tree, &fk, keys);
	if (!err)
		err = ward_xname_open(keys, lower, name);
	if (err > 0)
		err = ward_xvalue_open(keys, name, sealed, len, value);
	if (err < 0)
		printf("error %d\n", err);
	else
		printf("%s ", name);
	answer(0, value, err < 0 ? 0 : err);
	free(owner);
	free(sealed);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} verbs[] = {
		{ "layout", do_layout }, { "split", do_split }, { "file", do_file },
		{ "hkdf", do_hkdf }, { "hmac", do_hmac }, { "siv", do_siv },
		{ "recovery", do_recovery }, { "vault", do_vault }, { "epoch", do_epoch },
		{ "policy", do_policy }, { "recode", do_recode }, { "decide", do_decide },
		{ "renews", do_renews }, { "content", do_content }, { "name", do_name },
		{ "target", do_target }, { "xattr", do_xattr },
	};
	char *line = NULL, *verb;
	size_t room = 0, i;

	writer_init(&w, WARD_SUITE_AES_256_GCM, 0);
	memcpy(tree.master.uuid, w.uuid, 16);
	memcpy(tree.wrap, w.wrap, 32);
	tree.master.generation = 1;
	while (getline(&line, &room, stdin) > 0) {
		next = line;
		verb = word();
		for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
			if (!strcmp(verb, verbs[i].name))
				break;
		if (i == sizeof(verbs) / sizeof(verbs[0]))
			return 2;
		verbs[i].fn();
		fflush(stdout);
	}
	free(line);
	return 0;
}
