/* SPDX-License-Identifier: GPL-2.0-only */
/* Page cache: what changed from pages to folios between 6.1 and 7.x. */
#ifndef WARDFS_COMPAT_MAPPING_H
#define WARDFS_COMPAT_MAPPING_H

#include <linux/version.h>
#include <linux/pagemap.h>
#include <linux/writeback.h>

/* A referenced folio of the cache, or NULL. */
static inline struct folio *wardfs_folio_lookup(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(mapping, index);

	return IS_ERR(folio) ? NULL : folio;	/* NULL in 6.1, an error since 6.3 */
}

/* The same, and only when its contents are there. */
static inline struct folio *wardfs_folio_uptodate(struct address_space *mapping, pgoff_t index)
{
	struct folio *folio = wardfs_folio_lookup(mapping, index);

	if (folio && !folio_test_uptodate(folio)) {
		folio_put(folio);
		folio = NULL;
	}
	return folio;
}

/* A locked folio to write into, made when there is none. */
static inline struct folio *wardfs_folio_begin(struct address_space *mapping, pgoff_t index)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return __filemap_get_folio(mapping, index, FGP_WRITEBEGIN, mapping_gfp_mask(mapping));
#else
	struct folio *folio = __filemap_get_folio(mapping, index, FGP_LOCK | FGP_WRITE | FGP_CREAT,
						  mapping_gfp_mask(mapping));

	return folio ? folio : ERR_PTR(-ENOMEM);
#endif
}

static inline void wardfs_folio_end_read(struct folio *folio, bool good)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)
	folio_end_read(folio, good);
#else
	if (good)
		folio_mark_uptodate(folio);
	folio_unlock(folio);
#endif
}

/* ->write_begin and ->write_end */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define WARDFS_WRITE_BEGIN_ARGS	const struct kiocb *iocb
#else
#define WARDFS_WRITE_BEGIN_ARGS	struct file *file
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
typedef struct folio wardfs_wb_object;
#define wardfs_wb_to_folio(object)		(object)
#define wardfs_wb_from_folio(folio, pos)	(folio)
#else
typedef struct page wardfs_wb_object;
#define wardfs_wb_to_folio(object)		page_folio(object)
#define wardfs_wb_from_folio(folio, pos)	folio_file_page(folio, (pos) >> PAGE_SHIFT)
#endif

typedef int (*wardfs_writeback_fn)(struct folio *folio, struct writeback_control *wbc, void *data);

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
static inline int wardfs_write_folios(struct address_space *mapping, struct writeback_control *wbc,
				      wardfs_writeback_fn fn, void *data)
{
	struct folio *folio = NULL;
	int err = 0;

	while ((folio = writeback_iter(mapping, wbc, folio, &err)))
		err = fn(folio, wbc, data);
	return err;
}
#else
struct wardfs_writeback {
	wardfs_writeback_fn fn;
	void *data;
};

static inline int wardfs_writeback_page(struct page *page, struct writeback_control *wbc,
					void *data)
{
	struct wardfs_writeback *wb = data;

	return wb->fn(page_folio(page), wbc, wb->data);
}

static inline int wardfs_write_folios(struct address_space *mapping, struct writeback_control *wbc,
				      wardfs_writeback_fn fn, void *data)
{
	struct wardfs_writeback wb = { fn, data };

	return write_cache_pages(mapping, wbc, wardfs_writeback_page, &wb);
}
#endif

#endif
