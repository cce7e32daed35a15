%% Erlang/OTP's gen_server, measured as the other subjects are: see ../subjects/__main__.py.
%%
%% Says {"ready": ...}. Then a line of standard input asks for a run, as WORKLOAD N SECONDS, and is
%% answered with one line of JSON; that is all this process is good for. Servers are linked to the
%% one who runs the workload and registered under a local name.

-module(bench).
-behaviour(gen_server).

-export([main/0, start_crasher/1]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(CROWD, 1000).
-define(CALLERS, 100).
-define(PATIENCE, 60000).

main() ->
    %% A crash is reported, but not written, as for all subjects.
    ok = logger:set_primary_config(level, none),
    Release = erlang:system_info(otp_release),
    Schedulers = erlang:system_info(schedulers_online),
    say("{\"ready\": \"Erlang/OTP ~s, ~b schedulers\"}", [Release, Schedulers]),
    case io:get_line("") of
        Line when is_list(Line) ->
            [Workload, N, Seconds] = string:lexemes(Line, " \n"),
            %% Ends it, should the one who asked be gone.
            {ok, _} = timer:apply_after(list_to_integer(Seconds) * 1000, erlang, halt, [1]),
            answer(catch workload(list_to_atom(Workload), list_to_integer(N)));
        _ ->
            ok
    end,
    halt(0).

answer(Value) when is_number(Value) -> say("{\"value\": ~w}", [float(Value)]);
answer(Other) ->
    Text = lists:flatten(io_lib:format("~0p", [Other])),
    Safe = [C || C <- Text, C =/= $", C =/= $\\, C >= 32, C < 127],
    say("{\"error\": \"~s\"}", [lists:sublist(Safe, 300)]).

say(Format, Arguments) -> io:format(Format ++ "~n", Arguments).

workload(tell, N) ->
    Latch = latch(N),
    Counter = start(counter, {counter, Latch}),
    rate(N, fun() ->
        repeat(N, fun(_) -> gen_server:cast(Counter, tick) end),
        wait(Latch)
    end);
workload(fan_out, N) ->
    Latch = latch(?CROWD),
    Crowd = [start(name("counter", I), {counter, Latch}) || I <- lists:seq(1, ?CROWD)],
    Rounds = share(N, ?CROWD),
    rate(Rounds * ?CROWD, fun() ->
        repeat(Rounds, fun(_) ->
            again(Latch, ?CROWD),
            [gen_server:cast(One, tick) || One <- Crowd],
            wait(Latch)
        end)
    end);
workload(ping_pong, N) ->
    Latch = latch(N),
    Ping = start(ping, {player, Latch, nobody}),
    Pong = start(pong, {player, Latch, Ping}),
    gen_server:cast(Ping, {meet, Pong}),
    rate(N, fun() ->
        gen_server:cast(Ping, tick),
        wait(Latch)
    end);
workload(ask, N) ->
    Desk = start(desk, {desk, 0}),
    rate(N, fun() -> repeat(N, fun(_) -> gen_server:call(Desk, question, ?PATIENCE) end) end);
workload(ask_100, N) ->
    Desk = start(desk, {desk, 0}),
    Each = share(N, ?CALLERS),
    rate(Each * ?CALLERS, fun() ->
        Callers = [spawn_monitor(fun() ->
            repeat(Each, fun(_) -> gen_server:call(Desk, question, ?PATIENCE) end)
        end) || _ <- lists:seq(1, ?CALLERS)],
        [receive {'DOWN', Monitor, process, Caller, normal} -> ok end
         || {Caller, Monitor} <- Callers]
    end);
workload(spawn, N) ->
    rate(N, fun() ->
        repeat(N, fun(I) -> start(name("desk", I), {desk, 0}) end),
        gen_server:call(name("desk", 1), question, ?PATIENCE)
    end);
workload(idle, N) -> weigh(N, fun(_) -> ok end);
workload(idle_used, N) -> weigh(N, fun(One) -> gen_server:cast(One, tick) end);
workload(restarts, N) ->
    {ok, _} = supervisor:start_link(?MODULE, {supervisor, self()}),
    rate(N, fun() -> crash(N) end).

%% A crash loses the mailbox, so the next message is sent to the next server, once there is one.
crash(0) -> started();
crash(N) ->
    gen_server:cast(started(), crash),
    crash(N - 1).

started() ->
    receive {started, Pid} -> Pid after ?PATIENCE -> exit(no_restart) end.

weigh(N, Use) ->
    gen_server:call(start(first, {desk, 0}), question, ?PATIENCE),
    erlang:garbage_collect(),
    Before = resident(),
    repeat(N - 1, fun(I) -> Use(start(name("desk", I), {desk, 0})) end),
    gen_server:call(start(last, {desk, 0}), question, ?PATIENCE),
    repeat(N - 1, fun(I) -> settled = settle(whereis(name("desk", I))) end),
    (resident() - Before) / N.

%% Asks a process for its length of queue without sending it anything.
settle(Pid) ->
    case process_info(Pid, message_queue_len) of
        {message_queue_len, 0} -> settled;
        _ -> timer:sleep(1), settle(Pid)
    end.

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    list_to_integer(lists:nth(2, string:lexemes(binary_to_list(Text), " "))) * 4096.

share(N, Among) -> max(1, N div Among).

rate(N, Fun) ->
    Begun = erlang:monotonic_time(nanosecond),
    Fun(),
    N * 1.0e9 / (erlang:monotonic_time(nanosecond) - Begun).

repeat(0, _) -> ok;
repeat(N, Fun) -> Fun(N), repeat(N - 1, Fun).

name(Kind, I) -> list_to_atom(Kind ++ "-" ++ integer_to_list(I)).

start(Name, Argument) ->
    {ok, Pid} = gen_server:start_link({local, Name}, ?MODULE, Argument, []),
    Pid.

start_crasher(Watcher) -> gen_server:start_link({local, crasher}, ?MODULE, {crasher, Watcher}, []).

%% Counts down what is still to be handled; the one who made it is told at zero.

latch(N) ->
    Counter = atomics:new(1, [{signed, true}]),
    atomics:put(Counter, 1, N),
    {Counter, self()}.

again({Counter, _}, N) -> atomics:put(Counter, 1, N).

down({Counter, Owner}) ->
    case atomics:sub_get(Counter, 1, 1) of
        0 -> Owner ! all_counted, 0;
        Left -> Left
    end.

wait(_) -> receive all_counted -> ok after ?PATIENCE -> exit(messages_lost) end.

%% The servers.

init({supervisor, Watcher}) ->
    Child = #{id => crasher, start => {?MODULE, start_crasher, [Watcher]}},
    {ok, {#{strategy => one_for_one, intensity => 1000000, period => 1}, [Child]}};
init({crasher, Watcher}) ->
    Watcher ! {started, self()},
    {ok, crasher};
init(State) -> {ok, State}.

handle_call(question, _, {desk, Asked}) -> {reply, Asked + 1, {desk, Asked + 1}}.

handle_cast(tick, {counter, Latch} = State) ->
    down(Latch),
    {noreply, State};
handle_cast({meet, Peer}, {player, Latch, _}) -> {noreply, {player, Latch, Peer}};
handle_cast(tick, {player, Latch, Peer} = State) ->
    case down(Latch) of
        Left when Left > 0 -> gen_server:cast(Peer, tick);
        _ -> ok
    end,
    {noreply, State};
handle_cast(tick, {desk, _} = State) -> {noreply, State};
handle_cast(crash, crasher) -> exit(as_it_was_told_to).
