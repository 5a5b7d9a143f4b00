package audit

// subvolumes is the store of file volumes.
type subvolumes struct{ images }
