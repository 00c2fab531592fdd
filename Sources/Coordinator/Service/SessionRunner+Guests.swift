import Core
import Glibc
import Kit
import Platform
import Synchronization
import System

/// How long a guest may be silent, and how long an agent may get nowhere.
struct GuestPatience: Sendable {
    /// In seconds: three heartbeats.
    var silence = 180
    /// In milliseconds.
    var stall: Int64 = 900_000

    /// `OPENCLAW_SILENCE_SECONDS` shortens the silence, for tests and for those in a hurry.
    static let current: GuestPatience = {
        var patience = GuestPatience()
        if let wanted = Environment.get("OPENCLAW_SILENCE_SECONDS").flatMap({ Int($0) }), wanted >= 3 {
            patience.silence = wanted
        }
        return patience
    }()

    /// How often a guest says that it lives.
    var heartbeatSeconds: Int { max(1, silence / 3) }
}

extension SessionRunner {
    /// The token of an agent's present guest; nil when there is no such agent.
    func token(of agent: String) -> String? {
        guard let known = state.agents[agent] else { return nil }
        return AgentToken.derive(sessionToken: secret, agent: agent, generation: known.generation)
    }

    /// Whose token it is; nil when it is nobody's of this session, or of a guest that was lost or retired.
    func agent(of token: String) -> String? {
        let agents = state.agents
        return AgentToken.agent(of: token, sessionToken: secret) { agent in
            guard let known = agents[agent], [.requested, .ready].contains(known.status) else { return nil }
            return known.generation
        }
    }

    /// A guest says that it lives.
    func beat(_ agent: String, progressAge: Int64) {
        pulses.withLock { pulses in
            var pulse = pulses[agent] ?? Pulse(lastBeat: 0)
            pulse.lastBeat = Clock.bootNanoseconds()
            pulse.progressAge = progressAge
            pulses[agent] = pulse
        }
    }

    func wait(_ agent: String, _ isWaiting: Bool) { pulses.withLock { $0[agent]?.isWaiting = isWaiting } }

    /// The platform paused a guest for want of work, or let it go on. Events of the platform may be old, so
    /// what is true now is asked.
    func changed(agent: String, generation: Int, _ event: InstanceEvent) {
        guard let instance = try? world.platform.instance(event.instance) else { return }
        settle(agent, generation, instance, stood: event.pausedMilliseconds ?? 0)
    }

    /// Brings the journal up to how a guest stands. What a person paused is in the journal as that.
    func settle(_ agent: String, _ generation: Int, _ instance: Instance, stood: Int64 = 0) {
        let state = state
        guard !state.phase.isOver, let known = state.agents[agent], known.generation == generation,
            known.status == .ready
        else { return }
        if instance.state == .paused, instance.pauseCause == .idle, !known.isPaused {
            insist(.agentPaused(agent: agent, generation: generation, reason: "it waits for input"))
        } else if instance.state == .running {
            // It could say nothing while it stood.
            beat(agent, progressAge: 0)
            guard known.isPaused else { return }
            insist(.agentResumed(agent: agent, generation: generation, milliseconds: stood))
        }
    }

    /// Looks at all clocks; called every few seconds.
    func tick() {
        let state = state
        guard !state.phase.isOver, state.phase != .queued else { return }
        write(egress.flush(now: Clock.monotonicNanoseconds()))
        let standing = Set(state.agents.filter { state.isPaused || $0.value.isPaused }.keys)
        // Who stands still is silent, and is not dead; its clock starts when it goes on.
        pulses.withLock { pulses in
            for agent in standing { pulses[agent]?.lastBeat = Clock.bootNanoseconds() }
        }
        guard !state.isPaused else { return }
        observeRates()
        if let deadline = state.configuration?.deadline, Clock.wallMilliseconds() - state.startedAt > deadline
        {
            insist(
                .exhausted(
                    reason: "the deadline of \(deadline / 60_000) minutes has passed",
                    hint: "the work is kept; start again with a longer --deadline"))
            return
        }
        for (agent, known) in state.agents where known.status == .ready && !standing.contains(agent) {
            if let reason = complaint(agent, known) { lose(agent, known, reason) }
        }
    }

    /// What is wrong with a guest; nil when nothing is.
    private func complaint(_ agent: String, _ known: SessionState.AgentState) -> String? {
        guard let pulse = pulses.withLock({ $0[agent] }) else { return nil }
        let patience = GuestPatience.current
        if Clock.bootNanoseconds() - pulse.lastBeat > Int64(patience.silence) * 1_000_000_000 {
            return "its guest was silent for \(patience.silence) seconds"
        }
        if known.task != nil, !pulse.isWaiting, pulse.progressAge > patience.stall {
            return "it made no progress for \(patience.stall / 60_000) minutes"
        }
        return nil
    }

    func lose(_ agent: String, _ known: SessionState.AgentState, _ reason: String) {
        pulses.withLock { $0[agent]?.isEnding = true }
        defer { pulses.withLock { $0[agent]?.isEnding = false } }
        if let instance = known.instance {
            try? world.platform.terminate(instance, graceMilliseconds: 1000)
        }
        insist(.agentLost(agent: agent, generation: known.generation, reason: reason))
    }

    func isEnding(_ agent: String) -> Bool { pulses.withLock { $0[agent]?.isEnding == true } }
}
