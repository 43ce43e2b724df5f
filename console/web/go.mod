// The npm packages bring Go code of their own (flatted, which eslint uses). As a module of
// its own this folder is no part of ./... of the product; it never has Go code of ours.
module github.com/ringwall/ringwall/console/web

go 1.26.0
