// A real ttrpc peer for spec/peers/ttrpc-go.spec.ts, of containerd's own library:
//
//	peer serve SOCKET   serves qbp.Numbers, of all four kinds
//	peer call SOCKET    calls each method there, and prints what came back, a line each
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/containerd/ttrpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

const service = "qbp.Numbers"

type number = wrapperspb.Int64Value

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("peer serve|call SOCKET"))
	}
	if os.Args[1] == "serve" {
		serve(os.Args[2])
	} else {
		call(os.Args[2])
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func serve(path string) {
	server, err := ttrpc.NewServer()
	if err != nil {
		fail(err)
	}
	server.RegisterService(service, &ttrpc.ServiceDesc{
		Methods: map[string]ttrpc.Method{
			"Double": func(ctx context.Context, read func(interface{}) error) (interface{}, error) {
				var n number
				if err := read(&n); err != nil {
					return nil, err
				}
				if n.Value < 0 {
					return nil, status.Errorf(codes.OutOfRange, "%d is negative", n.Value)
				}
				if n.Value == 99 { // As long as the caller waits.
					<-ctx.Done()
					return nil, ctx.Err()
				}
				if extra, ok := ttrpc.GetMetadataValue(ctx, "extra"); ok && extra == "one" {
					return &number{Value: 2*n.Value + 1}, nil
				}
				return &number{Value: 2 * n.Value}, nil
			},
		},
		Streams: map[string]ttrpc.Stream{
			"Count": {
				Handler: func(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
					var n number
					if err := stream.RecvMsg(&n); err != nil {
						return nil, err
					}
					for i := int64(0); i < n.Value; i++ {
						if i == 1000 {
							return nil, status.Error(codes.ResourceExhausted, "a thousand is enough")
						}
						if err := stream.SendMsg(&number{Value: i}); err != nil {
							return nil, err
						}
					}
					return nil, nil
				},
				StreamingServer: true,
			},
			"Sum": {
				Handler: func(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
					var sum int64
					for {
						var n number
						if err := stream.RecvMsg(&n); errors.Is(err, io.EOF) {
							return &number{Value: sum}, nil
						} else if err != nil {
							return nil, err
						}
						sum += n.Value
					}
				},
				StreamingClient: true,
			},
			"Doubles": {
				Handler: func(ctx context.Context, stream ttrpc.StreamServer) (interface{}, error) {
					for {
						var n number
						if err := stream.RecvMsg(&n); errors.Is(err, io.EOF) {
							return nil, nil
						} else if err != nil {
							return nil, err
						}
						if err := stream.SendMsg(&number{Value: 2 * n.Value}); err != nil {
							return nil, err
						}
					}
				},
				StreamingClient: true,
				StreamingServer: true,
			},
		},
	})
	listener, err := net.Listen("unix", path)
	if err != nil {
		fail(err)
	}
	fmt.Println("listening")
	go func() { // It ends with its parent.
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fail(server.Serve(context.Background(), listener))
}

func call(path string) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		fail(err)
	}
	client := ttrpc.NewClient(conn)
	ctx := context.Background()

	double := func(ctx context.Context, method string, value int64) {
		var answer number
		if err := client.Call(ctx, service, method, &number{Value: value}, &answer); err != nil {
			fmt.Println(method, value, status.Code(err), status.Convert(err).Message())
		} else {
			fmt.Println(method, value, answer.Value)
		}
	}
	double(ctx, "Double", 21)
	double(ttrpc.WithMetadata(ctx, ttrpc.MD{"extra": {"one"}}), "Double", 21)
	double(ctx, "Double", -1)
	double(ctx, "Triple", 1)
	late, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	double(late, "Double", 99)
	cancel()

	done := make(chan bool)
	for i := int64(0); i < 100; i++ { // Many at a time, each its own answer.
		go func(i int64) {
			var answer number
			err := client.Call(ctx, service, "Double", &number{Value: i + 1000}, &answer)
			done <- err == nil && answer.Value == 2*i+2000
		}(i)
	}
	right := 0
	for i := 0; i < 100; i++ {
		if <-done {
			right++
		}
	}
	fmt.Println("of 100 at a time", right)

	receive := func(stream ttrpc.ClientStream, method string) {
		var count, sum int64
		for {
			var n number
			if err := stream.RecvMsg(&n); errors.Is(err, io.EOF) {
				fmt.Println(method, count, sum)
				return
			} else if err != nil {
				fmt.Println(method, count, sum, status.Code(err), status.Convert(err).Message())
				return
			}
			count++
			sum += n.Value
		}
	}
	open := func(method string, toServer, toClient bool, request *number) ttrpc.ClientStream {
		var first interface{}
		if request != nil {
			first = request
		}
		desc := &ttrpc.StreamDesc{StreamingClient: toServer, StreamingServer: toClient}
		stream, err := client.NewStream(ctx, desc, service, method, first)
		if err != nil {
			fail(err)
		}
		return stream
	}
	receive(open("Count", false, true, &number{Value: 500}), "Count")
	receive(open("Count", false, true, &number{Value: 5000}), "Count")

	sum := open("Sum", true, false, nil)
	for i := int64(0); i < 500; i++ {
		if err := sum.SendMsg(&number{Value: i}); err != nil {
			fail(err)
		}
	}
	if err := sum.CloseSend(); err != nil {
		fail(err)
	}
	var total number
	if err := sum.RecvMsg(&total); err != nil {
		fail(err)
	}
	fmt.Println("Sum", total.Value)

	doubles := open("Doubles", true, true, nil)
	go func() {
		for i := int64(0); i < 500; i++ {
			if err := doubles.SendMsg(&number{Value: i}); err != nil {
				fail(err)
			}
		}
		doubles.CloseSend()
	}()
	receive(doubles, "Doubles")
	client.Close()
}
