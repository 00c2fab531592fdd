/// Sentences that begin the reason of a failed task and decide what becomes of it.
public enum ModelRefusal {
    /// The key is wrong; no other attempt is made, and commands exit with 4.
    public static let credentials = "the provider refused the coordinator's credentials"
}
