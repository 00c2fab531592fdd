// libcurl's option setters are variadic, which Swift cannot call: one typed wrapper a kind of value. Their callback
// types have names of ours, because curl.h has a curl_progress_callback of the old kind.
#include <curl/curl.h>
static inline CURLcode curl_set_long(CURL *h, CURLoption o, long v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode curl_set_string(CURL *h, CURLoption o, const char *v) { return curl_easy_setopt(h, o, v); }
static inline CURLcode curl_set_pointer(CURL *h, CURLoption o, const void *v) { return curl_easy_setopt(h, o, v); }
typedef size_t (*openclaw_bytes_callback)(char *, size_t, size_t, void *);
static inline CURLcode curl_set_bytes(CURL *h, CURLoption o, openclaw_bytes_callback v) { return curl_easy_setopt(h, o, v); }
typedef int (*openclaw_progress_callback)(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t);
static inline CURLcode curl_set_progress(CURL *h, openclaw_progress_callback v) { return curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, v); }
static inline CURLcode curl_info_long(CURL *h, CURLINFO i, long *v) { return curl_easy_getinfo(h, i, v); }
