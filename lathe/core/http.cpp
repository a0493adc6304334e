#include "lathe/core/http.h"

#include <curl/curl.h>

#include <memory>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::core {
namespace {

struct Answer {
  HttpResponse response;
  size_t max_bytes = 0;
  bool too_large = false;
};

size_t receive(char* bytes, size_t, size_t count, void* into) {
  auto& answer = *static_cast<Answer*>(into);
  answer.too_large = answer.response.body.size() + count > answer.max_bytes;
  if (answer.too_large) return 0;  // ends the transfer
  answer.response.body.append(bytes, count);
  return count;
}

// "http://host:8000/path": what may be shown.
std::string shown(const std::string& url) {
  const std::unique_ptr<CURLU, void (*)(CURLU*)> parts(curl_url(), curl_url_cleanup);
  if (curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK)
    throw InputError("a URL is written http://HOST[:PORT]/PATH");
  for (const CURLUPart part : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT})
    curl_url_set(parts.get(), part, nullptr, 0);
  char* text = nullptr;
  curl_url_get(parts.get(), CURLUPART_URL, &text, 0);
  const std::unique_ptr<char, void (*)(void*)> owned(text, curl_free);
  const std::string result = text ? text : "";
  if (result.rfind("http://", 0) != 0 && result.rfind("https://", 0) != 0)
    throw InputError("a URL begins with http:// or https://, got {}", printable(result));
  return printable(result);
}

void set(CURL* curl, CURLoption option, const std::string& text) {
  curl_easy_setopt(curl, option, text.c_str());
}

HttpResponse exchange(const std::string& url, const std::string* body, const HttpOptions& options) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, void (*)(CURL*)> curl(curl_easy_init(), curl_easy_cleanup);
  if (started != CURLE_OK || !curl) throw Error("libcurl cannot start");
  const std::string name = shown(url);

  curl_slist* list = nullptr;
  if (body) list = curl_slist_append(list, ("Content-Type: " + options.content_type).c_str());
  for (const std::string& header : options.headers) list = curl_slist_append(list, header.c_str());
  const std::unique_ptr<curl_slist, void (*)(curl_slist*)> headers(list, curl_slist_free_all);

  Answer answer;
  answer.max_bytes = options.max_response_bytes;
  set(curl.get(), CURLOPT_URL, url);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);  // time-outs without signals: other threads are running
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_seconds * 1000));
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer);
  if (body) {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body->data());
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (answer.too_large)
    throw Error("{}: the answer is larger than {} bytes", name, options.max_response_bytes);
  if (code == CURLE_OPERATION_TIMEDOUT)
    throw Error("{}: no answer within {:g} s", name, options.timeout_seconds);
  if (code != CURLE_OK) throw Error("{}: {}", name, curl_easy_strerror(code));
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.response.status = static_cast<int>(status);
  return answer.response;
}

}  // namespace

HttpResponse http_get(const std::string& url, const HttpOptions& options) {
  return exchange(url, nullptr, options);
}

HttpResponse http_post(const std::string& url, const std::string& body, const HttpOptions& options) {
  return exchange(url, &body, options);
}

}  // namespace lathe::core
