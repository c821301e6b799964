/** Header names and a few values of SPDY/3; the dictionary has the length before each of them. */
const SPDY3_WORDS = "options,head,post,put,delete,trace,accept," +
  "accept-charset,accept-encoding,accept-language,accept-ranges,age,allow," +
  "authorization,cache-control,connection,content-base,content-encoding," +
  "content-language,content-length,content-location,content-md5," +
  "content-range,content-type,date,etag,expect,expires,from,host,if-match," +
  "if-modified-since,if-none-match,if-range,if-unmodified-since," +
  "last-modified,location,max-forwards,pragma,proxy-authenticate," +
  "proxy-authorization,range,referer,retry-after,server,te,trailer," +
  "transfer-encoding,upgrade,user-agent,vary,via,warning,www-authenticate," +
  "method,get,status,200 OK,version,HTTP/1.1,url,public,set-cookie," +
  "keep-alive,origin";

/** The rest of the SPDY/3 dictionary, without lengths. */
const SPDY3_TAIL =
  "100101201202205206300302303304305306307402405406407408409410411412413" +
  "414415416417502504505203 Non-Authoritative Information204 No Content" +
  "301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden" +
  "404 Not Found500 Internal Server Error501 Not Implemented" +
  "503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec" +
  " 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html," +
  "image/png,image/jpg,image/gif,application/xml,application/xhtml+xml," +
  "text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdch" +
  "charset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** SPDY/2's text. The NUL at its end is a mistake, but every peer has it. */
const SPDY2_TEXT =
  "optionsgetheadpostputdeletetraceacceptaccept-charsetaccept-encodinga" +
  "ccept-languageauthorizationexpectfromhostif-modified-sinceif-matchif" +
  "-none-matchif-rangeif-unmodifiedsincemax-forwardsproxy-authorization" +
  "rangerefererteuser-agent10010120020120220320420520630030130230330430" +
  "53063074004014024034044054064074084094104114124134144154164175005015" +
  "02503504505accept-rangesageetaglocationproxy-authenticatepublicretry" +
  "-afterservervarywarningwww-authenticateallowcontent-basecontent-enco" +
  "dingcache-controlconnectiondatetrailertransfer-encodingupgradeviawar" +
  "ningcontent-languagecontent-lengthcontent-locationcontent-md5content" +
  "-rangecontent-typeetagexpireslast-modifiedset-cookieMondayTuesdayWed" +
  "nesdayThursdayFridaySaturdaySundayJanFebMarAprMayJunJulAugSepOctNovD" +
  "ecchunkedtext/htmlimage/pngimage/jpgimage/gifapplication/xmlapplicat" +
  "ion/xhtmltext/plainpublicmax-agecharset=iso-8859-1utf-8gzipdeflateHT" +
  "TP/1.1statusversionurl\0";

/** The preset dictionary of SPDY/2 header blocks, 907 bytes. Do not modify it. */
export const SPDY2_DICTIONARY: Uint8Array = asciiBytes(SPDY2_TEXT);

/**
 * The preset dictionary of SPDY/3 and SPDY/3.1 header blocks, 1423 bytes (draft
 * section 2.6.10.1). Do not modify it.
 */
export const SPDY3_DICTIONARY: Uint8Array = asciiBytes(
  SPDY3_WORDS.split(",").map(withLength).join("") + SPDY3_TAIL,
);

/** The word with its length before it, 32 bits big-endian, as in a header block. */
function withLength(word: string): string {
  return "\0\0\0" + String.fromCharCode(word.length) + word;
}

/** The loop of `Uint8Array.from` would take 1 ms of a program's start. */
function asciiBytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
