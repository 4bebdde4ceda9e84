// SPDX-License-Identifier: GPL-2.0-or-later
/* Sizes and lower lengths: module/layout.c. The model is asked by model.py. */
#include "harness.h"
#include "layout.h"

/* Whatever a size, its length leads back to it, and it has room in its blocks. */
static bool consistent(u64 size)
{
	u64 n = ward_layout_blocks(size), length = ward_layout_length(size), back;
	struct ward_extent e = ward_layout_split(length);

	if (ward_layout_size(length, &back) || back != size)
		return false;
	if (!size)
		return !n && length == WARD_HEADER_SIZE && !e.blocks;
	return e.blocks == n && e.tail == size - ward_layout_base(n - 1) &&
	       e.tail <= ward_layout_cap(n - 1) && ward_layout_block(size - 1) == n - 1 &&
	       ward_layout_block(size) >= n - 1;
}

TEST(constants)
{
	EXPECT_EQ(3552, WARD_CAP_FIRST);
	EXPECT_EQ(4064, WARD_CAP);
	EXPECT_EQ(512, sizeof(struct ward_file_header));
	EXPECT_EQ(32, sizeof(struct ward_unit_header));
	EXPECT_EQ(16, sizeof(struct ward_unit_aad));
	EXPECT_EQ(4096, sizeof(struct ward_epoch_record));
	EXPECT_EQ(64, sizeof(struct ward_vault_header));
	EXPECT_EQ(200, sizeof(struct ward_vault_slot));
	EXPECT_EQ(64, sizeof(struct ward_policy_header));
	EXPECT_EQ(80, sizeof(struct ward_rule));
}

TEST(every_small_size)
{
	u64 size;

	for (size = 0; size < 20 * 4096; size++)
		ASSERT_TRUE(consistent(size)) TH_LOG("size %llu", (unsigned long long)size);
}

TEST(large_sizes)
{
	u64 k, size;
	int i;

	for (k = 1; ward_layout_base(k) < (u64)WARD_SIZE_MAX; k = k * 3 + 1) {
		for (i = -2; i <= 2; i++) {
			size = ward_layout_base(k) + i;
			ASSERT_TRUE(consistent(size)) TH_LOG("block %llu%+d", (unsigned long long)k, i);
		}
	}
	ASSERT_TRUE(consistent(WARD_SIZE_MAX));
	EXPECT_GT(0x7fffffffffffffffULL, ward_layout_length(WARD_SIZE_MAX));
}

TEST(lengths_of_no_file)
{
	static const u64 lengths[] = {
		0, 1, 511, 513, 4095, 4096, 8192, 4096 + 3553, 4096 + 4095, 8192 + 4065, 3 * 4096,
	};
	size_t i;
	u64 size;

	for (i = 0; i < ARRAY_SIZE(lengths); i++)
		EXPECT_EQ(-EBADMSG, ward_layout_size(lengths[i], &size));
}

/* Growth that was cut off stands for all of its whole blocks. */
TEST(size_of_whole_blocks)
{
	u64 size;

	ward_layout_size(4096, &size);
	EXPECT_EQ(3552, size);
	ward_layout_size(5 * 4096, &size);
	EXPECT_EQ(3552 + 4 * 4064, size);
	ward_layout_size(100, &size);
	EXPECT_EQ(0, size);
}

TEST_HARNESS_MAIN
