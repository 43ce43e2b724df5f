package seclang

import "strings"

// Variable is a variable or collection of the language.
type Variable uint8

// The variables this engine fills. The names are those of the ModSecurity v3
// reference manual and, for the last group, of Coraza.
const (
	NoVariable Variable = iota
	Args
	ArgsCombinedSize
	ArgsGet
	ArgsGetNames
	ArgsNames
	ArgsPath
	ArgsPost
	ArgsPostNames
	AuthType
	Files
	FilesCombinedSize
	FilesNames
	FilesSizes
	FullRequestLength
	HighestSeverity
	InboundDataError
	MatchedVar
	MatchedVarName
	MatchedVars
	MatchedVarsNames
	MultipartBoundaryQuoted
	MultipartBoundaryWhitespace
	MultipartCrlfLfLines
	MultipartDataAfter
	MultipartDataBefore
	MultipartFileLimitExceeded
	MultipartFilename
	MultipartHeaderFolding
	MultipartInvalidHeaderFolding
	MultipartInvalidPart
	MultipartInvalidQuoting
	MultipartLfLine
	MultipartMissingSemicolon
	MultipartName
	MultipartPartHeaders
	MultipartStrictError
	MultipartUnmatchedBoundary
	OutboundDataError
	PathInfo
	QueryString
	RemoteAddr
	RemoteHost
	RemotePort
	RemoteUser
	ReqbodyError
	ReqbodyErrorMsg
	ReqbodyProcessor
	ReqbodyProcessorError
	ReqbodyProcessorErrorMsg
	RequestBasename
	RequestBody
	RequestBodyLength
	RequestCookies
	RequestCookiesNames
	RequestFilename
	RequestHeaders
	RequestHeadersNames
	RequestLine
	RequestMethod
	RequestProtocol
	RequestURI
	RequestURIRaw
	ResponseArgs
	ResponseBody
	ResponseContentLength
	ResponseContentType
	ResponseHeaders
	ResponseHeadersNames
	ResponseProtocol
	ResponseStatus
	RuleVariable
	ServerAddr
	ServerName
	ServerPort
	StatusLine
	Time
	TimeDay
	TimeEpoch
	TimeHour
	TimeMin
	TimeMon
	TimeSec
	TimeWday
	TimeYear
	TX
	UniqueID
	UrlencodedError
	XML
	ArgumentsLimitReached
	URIParseError
	MultipartDuplicatePartHeader
	MultipartFilenameCharset
	MultipartFilenameLanguage
	Global
	IP
	Resource
	Session
	SessionID
	User
	UserID
	FilesTmpContent
	FullRequest
	VariableCount // number of variables, for tables indexed by Variable
)

// variableInfo tells a variable's name and whether it has members with keys.
type variableInfo struct {
	name  string
	keyed bool
}

var variables = [VariableCount]variableInfo{
	NoVariable:                    {"", false},
	Args:                          {"ARGS", true},
	ArgsCombinedSize:              {"ARGS_COMBINED_SIZE", false},
	ArgsGet:                       {"ARGS_GET", true},
	ArgsGetNames:                  {"ARGS_GET_NAMES", true},
	ArgsNames:                     {"ARGS_NAMES", true},
	ArgsPath:                      {"ARGS_PATH", true},
	ArgsPost:                      {"ARGS_POST", true},
	ArgsPostNames:                 {"ARGS_POST_NAMES", true},
	AuthType:                      {"AUTH_TYPE", false},
	Files:                         {"FILES", true},
	FilesCombinedSize:             {"FILES_COMBINED_SIZE", false},
	FilesNames:                    {"FILES_NAMES", true},
	FilesSizes:                    {"FILES_SIZES", true},
	FullRequestLength:             {"FULL_REQUEST_LENGTH", false},
	HighestSeverity:               {"HIGHEST_SEVERITY", false},
	InboundDataError:              {"INBOUND_DATA_ERROR", false},
	MatchedVar:                    {"MATCHED_VAR", false},
	MatchedVarName:                {"MATCHED_VAR_NAME", false},
	MatchedVars:                   {"MATCHED_VARS", true},
	MatchedVarsNames:              {"MATCHED_VARS_NAMES", true},
	MultipartBoundaryQuoted:       {"MULTIPART_BOUNDARY_QUOTED", false},
	MultipartBoundaryWhitespace:   {"MULTIPART_BOUNDARY_WHITESPACE", false},
	MultipartCrlfLfLines:          {"MULTIPART_CRLF_LF_LINES", false},
	MultipartDataAfter:            {"MULTIPART_DATA_AFTER", false},
	MultipartDataBefore:           {"MULTIPART_DATA_BEFORE", false},
	MultipartFileLimitExceeded:    {"MULTIPART_FILE_LIMIT_EXCEEDED", false},
	MultipartFilename:             {"MULTIPART_FILENAME", true},
	MultipartHeaderFolding:        {"MULTIPART_HEADER_FOLDING", false},
	MultipartInvalidHeaderFolding: {"MULTIPART_INVALID_HEADER_FOLDING", false},
	MultipartInvalidPart:          {"MULTIPART_INVALID_PART", false},
	MultipartInvalidQuoting:       {"MULTIPART_INVALID_QUOTING", false},
	MultipartLfLine:               {"MULTIPART_LF_LINE", false},
	MultipartMissingSemicolon:     {"MULTIPART_MISSING_SEMICOLON", false},
	MultipartName:                 {"MULTIPART_NAME", true},
	MultipartPartHeaders:          {"MULTIPART_PART_HEADERS", true},
	MultipartStrictError:          {"MULTIPART_STRICT_ERROR", false},
	MultipartUnmatchedBoundary:    {"MULTIPART_UNMATCHED_BOUNDARY", false},
	OutboundDataError:             {"OUTBOUND_DATA_ERROR", false},
	PathInfo:                      {"PATH_INFO", false},
	QueryString:                   {"QUERY_STRING", false},
	RemoteAddr:                    {"REMOTE_ADDR", false},
	RemoteHost:                    {"REMOTE_HOST", false},
	RemotePort:                    {"REMOTE_PORT", false},
	RemoteUser:                    {"REMOTE_USER", false},
	ReqbodyError:                  {"REQBODY_ERROR", false},
	ReqbodyErrorMsg:               {"REQBODY_ERROR_MSG", false},
	ReqbodyProcessor:              {"REQBODY_PROCESSOR", false},
	ReqbodyProcessorError:         {"REQBODY_PROCESSOR_ERROR", false},
	ReqbodyProcessorErrorMsg:      {"REQBODY_PROCESSOR_ERROR_MSG", false},
	RequestBasename:               {"REQUEST_BASENAME", false},
	RequestBody:                   {"REQUEST_BODY", false},
	RequestBodyLength:             {"REQUEST_BODY_LENGTH", false},
	RequestCookies:                {"REQUEST_COOKIES", true},
	RequestCookiesNames:           {"REQUEST_COOKIES_NAMES", true},
	RequestFilename:               {"REQUEST_FILENAME", false},
	RequestHeaders:                {"REQUEST_HEADERS", true},
	RequestHeadersNames:           {"REQUEST_HEADERS_NAMES", true},
	RequestLine:                   {"REQUEST_LINE", false},
	RequestMethod:                 {"REQUEST_METHOD", false},
	RequestProtocol:               {"REQUEST_PROTOCOL", false},
	RequestURI:                    {"REQUEST_URI", false},
	RequestURIRaw:                 {"REQUEST_URI_RAW", false},
	ResponseArgs:                  {"RESPONSE_ARGS", true},
	ResponseBody:                  {"RESPONSE_BODY", false},
	ResponseContentLength:         {"RESPONSE_CONTENT_LENGTH", false},
	ResponseContentType:           {"RESPONSE_CONTENT_TYPE", false},
	ResponseHeaders:               {"RESPONSE_HEADERS", true},
	ResponseHeadersNames:          {"RESPONSE_HEADERS_NAMES", true},
	ResponseProtocol:              {"RESPONSE_PROTOCOL", false},
	ResponseStatus:                {"RESPONSE_STATUS", false},
	RuleVariable:                  {"RULE", true},
	ServerAddr:                    {"SERVER_ADDR", false},
	ServerName:                    {"SERVER_NAME", false},
	ServerPort:                    {"SERVER_PORT", false},
	StatusLine:                    {"STATUS_LINE", false},
	Time:                          {"TIME", false},
	TimeDay:                       {"TIME_DAY", false},
	TimeEpoch:                     {"TIME_EPOCH", false},
	TimeHour:                      {"TIME_HOUR", false},
	TimeMin:                       {"TIME_MIN", false},
	TimeMon:                       {"TIME_MON", false},
	TimeSec:                       {"TIME_SEC", false},
	TimeWday:                      {"TIME_WDAY", false},
	TimeYear:                      {"TIME_YEAR", false},
	TX:                            {"TX", true},
	UniqueID:                      {"UNIQUE_ID", false},
	UrlencodedError:               {"URLENCODED_ERROR", false},
	XML:                           {"XML", true},
	ArgumentsLimitReached:         {"ARGUMENTS_LIMIT_REACHED", false},
	URIParseError:                 {"URI_PARSE_ERROR", false},
	MultipartDuplicatePartHeader:  {"MULTIPART_DUPLICATE_PART_HEADER", false},
	MultipartFilenameCharset:      {"MULTIPART_FILENAME_CHARSET", true},
	MultipartFilenameLanguage:     {"MULTIPART_FILENAME_LANGUAGE", true},
	Global:                        {"GLOBAL", true},
	IP:                            {"IP", true},
	Resource:                      {"RESOURCE", true},
	Session:                       {"SESSION", true},
	SessionID:                     {"SESSIONID", false},
	User:                          {"USER", true},
	UserID:                        {"USERID", false},
	FilesTmpContent:               {"FILES_TMP_CONTENT", true},
	FullRequest:                   {"FULL_REQUEST", false},
}

// String returns the name in capitals.
func (v Variable) String() string {
	if v < VariableCount {
		return variables[v].name
	}
	return ""
}

// Keyed reports whether v is a collection whose members have keys.
func (v Variable) Keyed() bool { return v < VariableCount && variables[v].keyed }

// ParseVariable returns the variable of that name, in any case.
func ParseVariable(name string) (Variable, bool) {
	for v := Variable(1); v < VariableCount; v++ {
		if strings.EqualFold(variables[v].name, name) {
			return v, true
		}
	}
	return NoVariable, false
}
