package body

type multipartSource struct{}
type envelopeItem struct{}
type xmlSource struct{}

func unescapeXML(s string) string                                     { return s }
func wireText(s string, d *node) string                               { return s }
func looksMultipart([]byte, string) bool                              { return false }
func looksXML([]byte, string) bool                                    { return false }
func decodeEnvelope(src []byte, _ string, lim Limits) (*Tree, error)  { return nil, ErrOpaque }
func decodeMultipart(src []byte, _ string, lim Limits) (*Tree, error) { return nil, ErrOpaque }
func decodeXML(src []byte, _ string, lim Limits) (*Tree, error)       { return nil, ErrOpaque }
func decodeProtobuf(src []byte, _ string, lim Limits) (*Tree, error)  { return nil, ErrOpaque }
func encodeEnvelope(dst []byte, t *Tree, p *Plan) []byte              { return dst }
func encodeMultipart(dst []byte, t *Tree, p *Plan) ([]byte, error)    { return dst, nil }
func encodeXML(dst []byte, t *Tree, p *Plan) ([]byte, error)          { return dst, nil }
func encodeProtobuf(dst []byte, t *Tree, p *Plan) ([]byte, error)     { return dst, nil }
