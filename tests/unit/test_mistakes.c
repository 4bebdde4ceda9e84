// SPDX-License-Identifier: GPL-2.0-or-later
/* Mistakes in rules: where they are, what is wrong, and which word was meant. */
#include "harness.h"
#include "lib/guess.h"
#include "lib/policyfile.h"

TEST(mistakes)
{
	static const struct {
		const char *text;
		const char *says;	/* in the message or in one of its notes */
	} cases[] = {
		{ "[rule a]\nusers = 1\n", "d.conf:1:1: rule \"a\" does not say what it does" },
		{ "[rule a]\neffect = maybe\n", "d.conf:2:10: there is no effect \"maybe\": allow" },
		{ "[rule a]\neffect = allow, deny\n", "either allow or deny" },
		{ "[rule a]\neffect = allow\noperations = fly\n", "d.conf:3:14: there is no operation \"fly\": read" },
		{ "[rule a]\neffect = allow\noperations =\n", "has no value" },
		{ "[rule a]\neffect = allow\nusers =\n", "has no value" },
		{ "[rule a]\neffect = allow\nusers = no-such-user-here\n", "there is no user" },
		{ "[rule a]\neffect = allow\nusers = 4294967295\n", "there is no user" },
		{ "[rule a]\neffect = allow\nusers = -1\n", "there is no user" },
		{ "[rule a]\neffect = allow\nlogins = @4100\n", "logins are users" },
		{ "[rule a]\neffect = allow\nlogins = 4010\n", "by logins alone" },
		{ "[rule a]\neffect = allow\ncolour = red\n", "a rule has no entry \"colour\"" },
		{ "[rule a]\neffect = allow\nprograms = sh\n", "is no program" },
		{ "[rule a]\neffect = allow\nprograms = /a\\b\n", "begins no \\xHH" },
		{ "[rule a]\neffect = allow\npaths = /a\\x00\n", "begins no \\xHH" },
		{ "[rule a]\neffect = allow\npaths = a\n", "write \"/a\"" },
		{ "[rule a]\neffect = allow\npaths = /a/../b\n", "is no path of a directory" },
		{ "[rule a]\neffect = allow\npaths = /a//b\n", "is no path of a directory" },
		{ "[rule a]\neffect = allow\npaths =\n", "has no value" },
		{ "[vault]\ndirectory = /srv/v\n[rule a]\neffect = allow\npaths = /srv/v/b\n",
		  "write \"/b\"" },
		{ "[rule a]\neffect = allow\nprograms = kernel:\n", "no thread of the kernel" },
		{ "[rule a]\neffect = allow\nprograms = kernel:kworker/0:1\n",
		  "no thread of the kernel" },
		{ "[rule a]\neffect = allow\nprograms = kernel:sixteen_letters_\n",
		  "no thread of the kernel" },
		{ "[rule a]\neffect = allow\nlogins = 4010\nprograms = kernel:nfsd\n",
		  "by logins alone" },
		{ "[rule a]\neffect = allow\nburst = 3 files\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = many files / 60 s\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = 3 fires / 60 s\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = 3 files / 60 years\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = 3 files / 60 s and more\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = 0 files / 60 s\n", "at least 1" },
		{ "[rule a]\neffect = allow\nburst = 65537 changes / 60 s\n", "at most 65536" },
		{ "[rule a]\neffect = allow\nburst = 18446744073709551615 GB / 60 s\n", "is no limit" },
		{ "[rule a]\neffect = allow\nburst = 18446744073709551615 bytes / 60 s\n", "at least 1" },
		{ "[rule a]\neffect = allow\nburst = 1 files / 32 d\n", "at most 31 d" },
		{ "[rule a]\neffect = deny\nburst = 1 files / 1 d\n", "has no limit" },
		{ "[rule a]\neffect = allow\nhours = Mon-Fry\n", "begins with no day" },
		{ "[rule a]\neffect = allow\nhours = always\n", "begins with no day" },
		{ "[rule a]\neffect = allow\nhours = Mon 7-19\n", "has no hours" },
		{ "[rule a]\neffect = allow\nhours = Mon 07:00-25:00\n", "has no hours" },
		{ "[rule a]\neffect = allow\nhours = Mon 07:60-08:00\n", "has no hours" },
		{ "[rule a]\neffect = allow\nhours = 07:00-07:00\n", "has no hours" },
		{ "[rule a]\neffect = allow\nhours = 24:00-07:00\n", "has no hours" },
		{ "[rule a]\neffect = allow\nhours = Mon\ntimezone = Europe/Nowhere\n",
		  "no time zone \"Europe/Nowhere\"" },
		{ "[rule a]\neffect = allow\ntimezone = Europe/Berlin\n", "and no hours" },
		{ "[vault]\ntimezone = ../etc/passwd\n", "no time zone" },
		{ "[rule a]\neffect = allow\n[rule a]\neffect = deny\n", "a rule \"a\" already" },
		{ "[rule \xff\xfe]\neffect = allow\n", "UTF-8" },
		{ "[rule ]\neffect = allow\n", "no name" },
		{ "[policy]\n", "there is no section [policy]" },
		{ "[vault]\ncolour = red\n", "[vault] has no entry" },
		{ "[vault]\npermissive = perhaps\n", "permissive is yes or no" },
		{ "[vault]\nrenew = never\n", "renew is yes or no" },
		{ "users = 1\n", "d.conf:1:1: \"users\" stands before the first [section]" },
		{ "[rule a\neffect = allow\n", "no closing bracket" },
		{ "[rule a]\nnonsense\n", "d.conf:2:1: the line is neither" },
		/* A list that has lost something does not lose its condition. */
		{ "[rule a]\neffect = allow\nhours = Mon\ngroups = ,\n",
		  "d.conf:4:10: \"groups\" has nothing but commas: write a value, or remove the line" },
		{ "[rule a]\neffect = allow\noperations = , ,\n", "d.conf:3:14: \"operations\" has nothing but commas" },
		{ "[rule a]\neffect = allow\nusers = 1,, 2\n",
		  "d.conf:3:11: nothing stands before this comma in \"users\"" },
		{ "[rule a]\neffect = allow\nusers = , 1\n", "d.conf:3:9: nothing stands before this comma" },
		{ "[rule a]\neffect = allow\nusers = 1,\n", "d.conf:3:10: nothing follows this comma in \"users\"" },
		{ "[rule a]\nusers = 1,\neffect = allow\n", "d.conf:2:10: nothing follows this comma in \"users\"" },
		{ "[rule a]\neffect = allow\nusers = 1,\n[rule b]\neffect = deny\n",
		  "d.conf:3:10: nothing follows this comma" },
		{ "[rule a]\neffect = allow\nusers = 1,\n  2,\n", "d.conf:4:4: nothing follows this comma" },
		{ "[rule a]\neffect = allow\nusers = 1,\n  , 2\n", "d.conf:4:3: nothing stands before this comma" },
		{ "[rule a]\neffect = allow\nusers = 1\n  ,, 2\n", "d.conf:4:4: nothing stands before this comma" },
		{ "[rule a]\neffect = allow\nusers = ; 1\n", "d.conf:3:1: \"users\" has no value" },
		{ "[rule a]\neffect = allow\nusers = 1, ; 2\n", "nothing follows this comma" },
		{ "[rule a]\neffect = allow\ngroups = \"\"\n", "d.conf:3:10: there is no group \"\"\"\"" },
		{ "[rule a]\neffect = allow\nusers = @\n", "there is no group \"\"" },
		{ "[rule a] users = 1\neffect = allow\n", "d.conf:1:10: something follows the section's name" },
		{ "[rule a]\neffect = allow\n\f[rule b]\neffect = deny\n", "d.conf:3:2: a section begins at" },
		{ "\xef\xbb\xbf[rule a]\ncolour = red\neffect = allow\n", "d.conf:2:1: a rule has no entry" },
		{ "[rule a]\neffect = allow\npaths = /a # all\n", "d.conf:3:9: \"/a # all\" looks as if a comment" },
		{ "[rule a]\neffect = allow\npaths = /b,\n /a ; all\n", "in a path \";\" is written \\x3b" },
		{ "[vault]\ndirectory = /srv/v\n  permissive = yes\n", "d.conf:3:3: \"directory\" has one value" },
		/* Words that are nearly right */
		{ "[rule a]\neffect = alow\n", "d.conf:2:10: there is no effect \"alow\", did you mean \"allow\"?: allow or deny" },
		{ "[rule a]\neffect = allow, reccord\n", "d.conf:2:17: there is no effect \"reccord\", did you mean \"record\"?" },
		{ "[rule a]\neffect = allow\n  , slient\n", "d.conf:3:5: there is no effect \"slient\", did you mean \"silent\"?" },
		{ "[rule a]\neffect = allow\noperations = read,\twriet, list\n",
		  "d.conf:3:20: there is no operation \"wriet\", did you mean \"write\"?" },
		{ "[rule a]\neffect = allow\nuser = 1\n", "d.conf:3:1: a rule has no entry \"user\", did you mean \"users\"?: users, groups" },
		{ "[rule a]\neffect = allow\nPaths = /\n", "did you mean \"paths\"?" },
		{ "[vault]\npermisive = yes\n", "d.conf:2:1: [vault] has no entry \"permisive\", did you mean \"permissive\"?" },
		{ "[valut]\n", "d.conf:1:1: there is no section [valut], did you mean \"vault\"?" },
		{ "[rules a]\n", "did you mean \"rule\"?" },
		{ "[rule a]\neffect = allow\nusers = 1, rooot\n", "d.conf:3:12: there is no user \"rooot\" on this machine, did you mean \"root\"?" },
		{ "[rule a]\neffect = allow\ngroups = 1, rooot\n", "d.conf:3:13: there is no group \"rooot\" on this machine, did you mean \"root\"?" },
		/* Said twice */
		{ "[vault]\npermissive = yes\npermissive = no\n",
		  "d.conf:3:1: \"permissive\" stands in line 2 already: put both into one line, or remove one of them" },
		{ "[vault]\ntimezone = UTC\n[vault]\ntimezone = Europe/Berlin\n", "d.conf:4:1: \"timezone\" stands in line 2 already" },
		{ "[rule a]\neffect = allow\nusers = 1\nusers = 2\n", "d.conf:4:1: \"users\" stands in line 3 already" },
		{ "[rule a]\neffect = allow\neffect = record\n", "d.conf:3:1: \"effect\" stands in line 2 already" },
		{ "[rule a]\neffect = allow\nhours = Mon\ntimezone = UTC\ntimezone = UTC\n", "d.conf:5:1: \"timezone\" stands in line 4 already" },
		{ "[rule a]\neffect = allow\n[vault]\ntimezone = UTC\n", "d.conf:3:1: [vault] stands before all rules" },
		{ "[rule a]\neffect = allow\nlogins = 4010\n", "d.conf:3:1: rule \"a\" allows by logins alone" },
		{ "[rule a]\neffect = deny\nburst = 1 files / 1 d\n", "d.conf:3:1: rule \"a\" denies" },
		{ "[rule a]\neffect = allow\n[rule  a]\neffect = deny\n", "d.conf:3:8: there is a rule \"a\" already" },
		{ "[rule a]\neffect = allow\nhours = Mon, Tue 7-9\n", "d.conf:3:14: \"Tue 7-9\" has no hours" },
		{ "[vault]\npermissive = perhaps\n", "d.conf:2:14: permissive is yes or no" },
	};
	struct ward_policy p;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct ward_err err;
		bool says;

		ward_err_clear(&err);
		EXPECT_GT(0, ward_policy_parse(cases[i].text, strlen(cases[i].text), "d.conf", &p, &err))
			TH_LOG("case %zu", i);
		says = strstr(err.text, cases[i].says);
		for (k = 0; k < err.count; k++)
			says |= !!strstr(err.notes[k], cases[i].says);
		EXPECT_TRUE(says) TH_LOG("case %zu: %s: %s", i, err.text,
					 err.count ? err.notes[0] : "");
	}
}

/* What looks like some of these mistakes, and is none. */
TEST(no_mistakes)
{
	static const char text[] =
		"\xef\xbb\xbf; a mark of the byte order, and comments\n"
		"[vault] ; which\n"
		"permissive : yes ; for now\n"
		"[rule a]\r\n"
		"users = 1\n"
		"\n"
		"   2\n"
		"  # between\n"
		"   ,3, 4 ,\r\n"
		"\t5\n"
		"effect=allow\n";
	struct ward_err err = { .text = "" };
	struct ward_policy p;

	ASSERT_EQ(0, ward_policy_parse(text, strlen(text), NULL, &p, &err))
		TH_LOG("%s: %s", err.text, err.notes[0]);
	EXPECT_EQ(WARD_POLICY_PERMISSIVE, p.flags);
	ASSERT_EQ(1, p.count);
	ASSERT_EQ(1, p.rules[0].count);
	ASSERT_EQ(5, p.rules[0].conds[0].who.count);
	EXPECT_EQ(5, p.rules[0].conds[0].who.who[4].id);
	ward_policy_free(&p);
	/* Without a name of the file */
	ward_err_clear(&err);
	ASSERT_GT(0, ward_policy_parse("[rule a]\n", 9, NULL, &p, &err));
	EXPECT_STREQ("1 mistake in the rules", (const char *)err.text);
	EXPECT_EQ(0, strncmp(err.notes[0], "line 1, column 1: rule \"a\"", 26));
}

/* A word is near by few mistakes, for its length; of several the nearest. */
TEST(guesses)
{
	static const struct {
		const char *word, *meant;
	} cases[] = {
		{ "reed", "read" }, { "erad", "read" }, { "write ", "write" }, { "", "" }, { "r", "" },
		{ "fly", "" }, { "setatr", "setattr" }, { "setxatr", "setxattr" }, { "LIST", "list" },
		{ "xxxx", "" }, { "setting", "" }, { "al", "all" }, { "renmae", "rename" },
		{ "a word that is much longer than any that there are, by some sixty bytes", "" },
	};
	struct ward_guess guess;
	unsigned int bit;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		ward_guess_begin(&guess, cases[i].word);
		for (bit = 0; ward_operation_name(bit); bit++)
			ward_guess_try(&guess, ward_operation_name(bit));
		ward_guess_try(&guess, "all");
		ward_guess_try(&guess, "");
		ward_guess_try(&guess, "another word that is much longer than any that there are, by many");
		EXPECT_STREQ(cases[i].meant, (const char *)guess.best) TH_LOG("%s", cases[i].word);
	}
}

TEST_HARNESS_MAIN
