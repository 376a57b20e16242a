/** Does nothing: LocalStack starts DynamoDB Local with an agent, so there must be one. */
public final class Agent {
    public static void premain(String arguments) {
    }
}
