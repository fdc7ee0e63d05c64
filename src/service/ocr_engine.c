/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tesseract behind its C interface: loading, one run, and the words of it.
 */
#include "service/ocr_engine.h"

#include <dlfcn.h>
#include <leptonica/allheaders.h>
#include <stdlib.h>
#include <string.h>
#include <tesseract/capi.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/obj.h"

enum {
	OCR_MAGIC = 0x6f637231, /* "ocr1" */
	WORDS_MAX = 200000,     /* a page of noise ends here */
};

struct ocr {
	unsigned magic;
	TessBaseAPI *api;
};

/* --- loading ------------------------------------------------------------ */

/* Tesseract asks OpenMP for four threads, whatever was set, to read one line.
 * That is slower than one when all cores are busy, and a cell must not start
 * threads. No level of parallelism at all is the one limit that it obeys. */
static void
one_thread(void)
{
	void (*set)(int) = NULL;
	void *sym = dlsym(RTLD_DEFAULT, "omp_set_max_active_levels");

	memcpy(&set, &sym, sizeof(set));
	if (set != NULL)
		set(0);
}

static bool
has_data(const char *folder, struct str lang)
{
	char path[512];

	return str_fmt(path, sizeof(path), "%s/%.*s.traineddata", folder,
		   STR_ARG(lang)) &&
	    access(path, R_OK) == 0;
}

/* The folder that has the language, or NULL. A folder that a person named is
 * the only one: another's data would give other results than they asked for.
 */
static const char *
find_data(const char *tessdata, struct str lang)
{
	static const char *const places[] = {
	    "/usr/share/tesseract-ocr/5/tessdata",
	    "/usr/share/tesseract-ocr/4.00/tessdata",
	    "/usr/share/tessdata",
	    "/usr/local/share/tessdata",
	};

	if (tessdata != NULL)
		return has_data(tessdata, lang) ? tessdata : NULL;
	for (size_t i = 0; i < COUNT_OF(places); i++)
		if (has_data(places[i], lang))
			return places[i];
	return NULL;
}

/* Says which package brings the language; Debian writes chi_sim as chi-sim. */
static int
missing(struct str lang, bool named, struct err *err)
{
	char package[64];

	if (named)
		return err_set(err, ERR_UNAVAILABLE,
		    "the OCR language file %.*s.traineddata is missing in the "
		    "folder that TESSDATA_PREFIX names",
		    STR_ARG(lang));
	str_fmt(package, sizeof(package), "tesseract-ocr-%.*s", STR_ARG(lang));
	for (char *c = package; *c != '\0'; c++)
		if (*c == '_')
			*c = '-';
	return err_set(err, ERR_UNAVAILABLE,
	    "the OCR language file %.*s.traineddata is missing; install the "
	    "Debian package %s",
	    STR_ARG(lang), package);
}

static const char *
check_langs(const char *langs, const char *tessdata, struct err *err)
{
	struct str rest = str_of(langs);
	const char *folder = NULL;

	while (rest.n > 0) {
		struct str lang = str_cut(&rest, '+');
		const char *found;

		if (lang.n == 0 || lang.n > 32 ||
		    memchr(lang.p, '/', lang.n) != NULL) {
			err_set(err, ERR_INVALID,
			    "'%s' is not a list of OCR languages", langs);
			return NULL;
		}
		found = find_data(folder != NULL ? folder : tessdata, lang);
		if (found == NULL) {
			missing(lang, tessdata != NULL, err);
			return NULL;
		}
		folder = found;
	}
	return folder;
}

struct ocr *
ocr_new(const char *langs, const char *tessdata, struct err *err)
{
	const char *want = langs != NULL && *langs != '\0' ? langs : "eng";
	const char *folder = check_langs(want, tessdata, err);
	struct ocr *o;

	if (folder == NULL)
		return NULL;
	setMsgSeverity(L_SEVERITY_NONE);
	one_thread();
	o = xcalloc(1, sizeof(*o));
	o->magic = OCR_MAGIC;
	o->api = TessBaseAPICreate();
	if (o->api == NULL ||
	    TessBaseAPIInit2(o->api, folder, want, OEM_LSTM_ONLY) != 0) {
		err_set(err, ERR_UNAVAILABLE,
		    "Tesseract cannot load the language data '%s' from %s",
		    want, folder);
		ocr_free(o);
		return NULL;
	}
	/* Light text on dark is turned around before it gets here. */
	TessBaseAPISetVariable(o->api, "tessedit_do_invert", "0");
	return o;
}

void
ocr_free(struct ocr *o)
{
	if (o == NULL)
		return;
	CHECK_OBJ(o, OCR_MAGIC);
	if (o->api != NULL)
		TessBaseAPIDelete(o->api);
	KILL_OBJ(o);
	free(o);
}

const char *
ocr_version(void)
{
	return TessVersion();
}

/* --- words -------------------------------------------------------------- */

void
raw_fini(struct raw_list *list)
{
	arena_fini(&list->mem);
	free(list->words);
	*list = (struct raw_list){0};
}

void
raw_add(struct raw_list *list, struct raw_word w)
{
	if (list->n >= WORDS_MAX)
		return;
	if (list->n == list->cap) {
		list->cap = list->cap == 0 ? 256 : list->cap * 2;
		list->words = xreallocarray(list->words, list->cap,
		    sizeof(*list->words));
	}
	w.text = arena_cstr(&list->mem, str_of(w.text));
	list->words[list->n++] = w;
}

size_t
raw_chars(const struct raw_list *list)
{
	size_t chars = 0;

	for (unsigned i = 0; i < list->n; i++)
		if (!list->words[i].dropped)
			chars += strlen(list->words[i].text);
	return chars;
}

double
raw_confidence(const struct raw_list *list)
{
	double sum = 0, chars = 0;

	for (unsigned i = 0; i < list->n; i++) {
		const struct raw_word *w = &list->words[i];
		double n = (double)strlen(w->text);

		if (w->dropped)
			continue;
		sum += n * (double)w->confidence;
		chars += n;
	}
	return chars > 0 ? sum / chars : 0;
}

/* --- one run ------------------------------------------------------------ */

int
engine_image(struct ocr *o, struct Pix *grey, int dpi, struct err *err)
{
	CHECK_OBJ(o, OCR_MAGIC);
	if (pixGetWidth(grey) > 32000 || pixGetHeight(grey) > 32000)
		return err_set(err, ERR_LIMIT, "the page image is too large");
	one_thread();
	TessBaseAPISetImage2(o->api, grey);
	TessBaseAPISetSourceResolution(o->api, dpi);
	return 0;
}

void
engine_without(struct ocr *o, const char *signs)
{
	TessBaseAPISetVariable(o->api, "tessedit_char_blacklist", signs);
}

void
engine_done(struct ocr *o)
{
	TessBaseAPIClear(o->api);
}

static TessPageSegMode
mode_of(enum engine_how how)
{
	switch (how) {
	case ENGINE_BLOCK:
		return PSM_SINGLE_BLOCK;
	case ENGINE_LINE:
		return PSM_SINGLE_LINE;
	case ENGINE_SPARSE:
		return PSM_SPARSE_TEXT;
	case ENGINE_PAGE:
		break;
	}
	return PSM_AUTO;
}

/* The word under the iterator, if it is one. */
static void
take_word(const TessResultIterator *it, int line, struct raw_list *out)
{
	const TessPageIterator *at = TessResultIteratorGetPageIteratorConst(it);
	char *text = TessResultIteratorGetUTF8Text(it, RIL_WORD);
	struct raw_word w = {.line = line};
	int x0, y0, x1, y1;

	if (text == NULL)
		return;
	w.text = text;
	if (*text != '\0' && strspn(text, " \t\n") != strlen(text) &&
	    str_utf8_ok(str_of(text)) &&
	    TessPageIteratorBoundingBox(at, RIL_WORD, &w.box.x0, &w.box.y0,
		&w.box.x1, &w.box.y1)) {
		w.confidence = TessResultIteratorConfidence(it, RIL_WORD) /
		    100.0F;
		w.confidence = MAX_OF(w.confidence, 0.0F);
		w.base0 = w.base1 = w.box.y1;
		if (TessPageIteratorBaseline(at, RIL_TEXTLINE, &x0, &y0, &x1,
			&y1) &&
		    x1 > x0) {
			double slope = (double)(y1 - y0) / (x1 - x0);

			w.base0 = y0 + (int)(slope * (w.box.x0 - x0));
			w.base1 = y0 + (int)(slope * (w.box.x1 - x0));
		}
		raw_add(out, w);
	}
	TessDeleteText(text);
}

int
engine_run(struct ocr *o, enum engine_how how, const struct ocr_box *area,
    struct raw_list *out, struct err *err)
{
	TessResultIterator *it;
	TessPageIterator *at;
	int line = out->lines;

	TessBaseAPISetPageSegMode(o->api, mode_of(how));
	if (area != NULL)
		TessBaseAPISetRectangle(o->api, area->x0, area->y0,
		    area->x1 - area->x0, area->y1 - area->y0);
	if (TessBaseAPIRecognize(o->api, NULL) != 0)
		return err_set(err, ERR_INTERNAL, "Tesseract failed");
	it = TessBaseAPIGetIterator(o->api);
	if (it == NULL)
		return 0;
	at = TessResultIteratorGetPageIterator(it);
	do {
		if (TessPageIteratorIsAtBeginningOf(at, RIL_TEXTLINE))
			line++;
		take_word(it, line, out);
	} while (TessResultIteratorNext(it, RIL_WORD));
	out->lines = line + 1;
	TessResultIteratorDelete(it);
	return 0;
}
